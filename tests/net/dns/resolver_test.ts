import assert from "node:assert/strict";
import { test } from "node:test";
import { DownloadError } from "../../../src/errors.ts";
import { parseOverrides } from "../../../src/options/address_overrides.ts";
import { parseDnsServers } from "../../../src/options/dns_servers.ts";
import { Resolver, type ResolverOptions } from "../../../src/net/dns/resolver.ts";
import { FakeDns, type FakeQuestion, type FakeReply, knows } from "../../helpers/doubles/fake_dns.ts";
import { settle, VirtualClock } from "../../helpers/doubles/virtual_clock.ts";

const SERVER = "192.0.2.53:53";
const NAME = "www.example.com";
const NEVER = new AbortController().signal;
const IPV6 = ["2001:db8::1", "2001:db8::2", "2001:db8::3"];
const IPV4 = ["198.51.100.1", "198.51.100.2"];

interface Scene {
  readonly dns: FakeDns;
  readonly clock: VirtualClock;
  resolve(host?: string, port?: number, signal?: AbortSignal): Promise<readonly string[]>;
}

function sceneWith(
  answer: ((question: FakeQuestion) => FakeReply | Promise<FakeReply>) | undefined,
  options: Partial<ResolverOptions> = {},
): Scene {
  const clock = new VirtualClock();
  const dns = new FakeDns(answer === undefined ? {} : { [SERVER]: answer });
  const resolver = new Resolver({
    network: dns,
    clock,
    dohServers: [],
    fetchDoh: dns.fetchDoh,
    servers: answer === undefined ? [] : parseDnsServers([SERVER]),
    timeoutMs: 5000,
    overrides: new Map(),
    families: "all",
    ...options,
  });
  const resolve: Scene["resolve"] = (host = NAME, port = 443, signal = NEVER) =>
    resolver.resolve(host, port, signal);
  return { dns, clock, resolve };
}

const failsWith = (message: RegExp | string, retryable: boolean) => (error: unknown): boolean => {
  assert.ok(error instanceof DownloadError, String(error));
  assert.deepEqual([error.code, error.retryable], ["dns", retryable]);
  if (typeof message === "string") assert.equal(error.message, message);
  else assert.match(error.message, message);
  return true;
};

test("addresses of both families take turns, IPv6 first", async () => {
  const { dns, resolve } = sceneWith(knows([...IPV4, ...IPV6]));
  assert.deepEqual(await resolve(), [IPV6[0], IPV4[0], IPV6[1], IPV4[1], IPV6[2]]);
  assert.deepEqual(dns.asked.sort(), [`udp ${SERVER} A ${NAME}`, `udp ${SERVER} AAAA ${NAME}`]);
});

test("both families are asked at the same time", async () => {
  const { dns, resolve } = sceneWith(() => "silence");
  const stop = new AbortController();
  const failed = assert.rejects(resolve(NAME, 443, stop.signal));
  await settle();
  assert.equal(dns.waiting, 2);
  stop.abort();
  await failed;
});

test("with IPv6 switched off nobody asks for it", async () => {
  const { dns, resolve } = sceneWith(knows([...IPV4, ...IPV6]), { families: "ipv4" });
  assert.deepEqual(await resolve(), IPV4);
  assert.deepEqual(dns.asked, [`udp ${SERVER} A ${NAME}`]);
});

test("an address needs no look-up, in any form", async () => {
  const { dns, resolve } = sceneWith(knows([]));
  assert.deepEqual(await resolve("192.0.2.1"), ["192.0.2.1"]);
  assert.deepEqual(await resolve("[2001:DB8:0::1]"), ["2001:db8::1"]);
  assert.deepEqual(await resolve("::1"), ["::1"]);
  assert.deepEqual(dns.asked, []);
});

test("an IPv6 address is refused where IPv6 is switched off", async () => {
  const { resolve } = sceneWith(undefined, { families: "ipv4" });
  const message = "Cannot find the address of ::1: it has no IPv4 address, and IPv6 is switched off";
  await assert.rejects(resolve("[::1]"), failsWith(message, false));
  assert.deepEqual(await resolve("[::ffff:192.0.2.1]"), ["192.0.2.1"]);
});

test("overrides take the place of look-ups, on their port", async () => {
  const overrides = parseOverrides({
    [`${NAME}:443`]: ["203.0.113.1", "2001:db8::9"],
    "*:80": "203.0.113.2",
  });
  const { dns, resolve } = sceneWith(knows(["198.51.100.1"]), { overrides });
  assert.deepEqual(await resolve("WWW.example.com."), ["203.0.113.1", "2001:db8::9"]);
  assert.deepEqual(await resolve("other.test", 80), ["203.0.113.2"]);
  assert.deepEqual(dns.asked, []);
  assert.deepEqual(await resolve(NAME, 8443), ["198.51.100.1"]);
  const withoutIpv6 = sceneWith(knows([]), { overrides, families: "ipv4" });
  assert.deepEqual(await withoutIpv6.resolve(), ["203.0.113.1"]);
});

test("this machine's names are not asked for on the network", async () => {
  const { dns, resolve } = sceneWith(knows([]));
  assert.deepEqual(await resolve("localhost"), ["::1", "127.0.0.1"]);
  assert.deepEqual(await resolve("a.LOCALHOST."), ["::1", "127.0.0.1"]);
  assert.deepEqual(dns.asked, []);
  await assert.rejects(resolve("notlocalhost"));
  assert.equal(dns.asked.length, 2);
});

test("answers are kept for the shortest of their lives", async () => {
  const { dns, clock, resolve } = sceneWith((it) => knows([...IPV4, ...IPV6], it.type === "A" ? 30 : 90)(it));
  const first = await resolve();
  await clock.advance(29_999);
  assert.deepEqual(await resolve("WWW.EXAMPLE.COM."), first);
  assert.deepEqual(await resolve(NAME, 80), first);
  assert.equal(dns.asked.length, 2);
  await clock.advance(1);
  await resolve();
  assert.equal(dns.asked.length, 4);
});

test("connections that start together ask once", async () => {
  const { dns, resolve } = sceneWith(knows(IPV4, 0));
  await Promise.all(Array.from({ length: 8 }, () => resolve()));
  assert.equal(dns.asked.length, 2);
});

for (const [swallowed, found] of [["AAAA", IPV4], ["A", IPV6]] as const) {
  test(`where questions for ${swallowed} are swallowed, the other family waits a moment only`, async () => {
    const known = knows([...IPV4, ...IPV6]);
    const { dns, clock, resolve } = sceneWith((it) => it.type === swallowed ? "silence" : known(it));
    const resolved = resolve();
    await clock.advance(249);
    assert.equal(dns.waiting, 1);
    await clock.advance(1);
    assert.deepEqual(await resolved, found);
    assert.deepEqual([dns.waiting, clock.sleepers], [0, 0]);
    // Half an answer is not kept.
    const again = resolve();
    await clock.advance(250);
    await again;
    assert.equal(dns.asked.length, 4);
  });
}

test("a family without an answer does not hide the other one", async () => {
  for (const reply of [{ rcode: 2 }, { rcode: 3 }, {}]) {
    const { clock, resolve } = sceneWith((it) => it.type === "AAAA" ? reply : knows(IPV4)(it));
    assert.deepEqual(await resolve(), IPV4);
    await settle();
    assert.equal(clock.sleepers, 0);
  }
});

test("failures are DownloadErrors that say what happened", async () => {
  const prefix = `Cannot find the address of ${NAME}: `;
  const cases: readonly (readonly [FakeReply, string])[] = [
    [{ rcode: 3 }, "DNS has no such name"],
    [{}, "DNS has no AAAA or A record for it"],
    [{ rcode: 2 }, `the DNS server ${SERVER} answered SERVFAIL`],
  ];
  for (const [reply, reason] of cases) {
    await assert.rejects(sceneWith(() => reply).resolve(), failsWith(prefix + reason, true));
  }
  const onlyIpv4 = sceneWith(() => ({}), { families: "ipv4" });
  await assert.rejects(onlyIpv4.resolve(), failsWith(`${prefix}DNS has no A record for it`, true));
  await assert.rejects(
    sceneWith(knows([])).resolve(`${"a".repeat(64)}.test`),
    failsWith(/DNS has no names like that/, false),
  );
});

test("a server that never answers fails after both its tries", async () => {
  const { clock, resolve } = sceneWith(() => "silence");
  const failed = assert.rejects(resolve(), failsWith(/did not answer in time$/, true));
  await clock.advance(10_000);
  await failed;
  assert.equal(clock.sleepers, 0);
});

test("a failure is not kept", async () => {
  let isUp = false;
  const { resolve } = sceneWith((it) => isUp ? knows(IPV4)(it) : { rcode: 3 });
  await assert.rejects(resolve());
  isUp = true;
  assert.deepEqual(await resolve(), IPV4);
});

test("without servers the system is asked, and its order is kept", async () => {
  const { dns, resolve } = sceneWith(undefined);
  dns.hosts.set(NAME, [...IPV4, ...IPV6, IPV4[0]!]);
  assert.deepEqual(await resolve(), [IPV4[0], IPV6[0], IPV4[1], IPV6[1], IPV6[2]]);
  const withoutIpv6 = sceneWith(undefined, { families: "ipv4" });
  withoutIpv6.dns.hosts.set(NAME, [...IPV6, ...IPV4]);
  withoutIpv6.dns.hosts.set("six.test", IPV6);
  assert.deepEqual(await withoutIpv6.resolve(), IPV4);
  await assert.rejects(
    withoutIpv6.resolve("six.test"),
    failsWith(/it has no IPv4 address, and IPv6 is switched off$/, false),
  );
});

test("a name that the system does not know may appear later", async () => {
  const { dns, resolve } = sceneWith(undefined);
  await assert.rejects(
    resolve(),
    failsWith(`Cannot find the address of ${NAME}: it could not be looked up (ENOTFOUND)`, true),
  );
  dns.hosts.set(NAME, IPV4);
  assert.deepEqual(await resolve(), IPV4);
});

test("an abort ends every wait with its reason", async () => {
  const reason = new Error("enough");
  const stuck = new Promise<never>(() => {});
  const scenes = [
    sceneWith(() => "silence"),
    sceneWith(() => stuck),
    sceneWith((it) => it.type === "A" ? knows(IPV4)(it) : "silence"),
    sceneWith(undefined, { network: Object.assign(new FakeDns({}), { lookup: () => stuck }) }),
  ];
  for (const { clock, resolve } of scenes) {
    const stop = new AbortController();
    const failed = assert.rejects(resolve(NAME, 443, stop.signal), reason);
    await settle();
    stop.abort(reason);
    await failed;
    await settle();
    assert.equal(clock.sleepers, 0);
  }
  await assert.rejects(sceneWith(knows(IPV4)).resolve(NAME, 443, AbortSignal.abort(reason)), reason);
});
