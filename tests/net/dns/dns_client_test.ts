import assert from "node:assert/strict";
import { test } from "node:test";
import { DownloadError } from "../../../src/errors.ts";
import { DnsClient } from "../../../src/net/dns/dns_client.ts";
import { parseDnsServers } from "../../../src/options/dns_servers.ts";
import { FakeDns, type FakeReply, knows } from "../../helpers/doubles/fake_dns.ts";
import { settle, VirtualClock } from "../../helpers/doubles/virtual_clock.ts";

const FIRST = "192.0.2.1:53";
const SECOND = "[2001:db8::1]:5353";
const DOH = "https://doh.example/secret-path";
const TIMEOUT_MS = 3000;
const NAME = "www.example.com";
const NEVER = new AbortController().signal;

const knowing = knows(["198.51.100.7"]);

function clientOf(dns: FakeDns, clock = new VirtualClock(), dohServers: readonly string[] = []): DnsClient {
  return new DnsClient({
    network: dns,
    clock,
    dohServers,
    fetchDoh: dns.fetchDoh,
    servers: parseDnsServers([FIRST, SECOND]),
    timeoutMs: TIMEOUT_MS,
  });
}

const addressesOf = async (client: DnsClient): Promise<string[]> =>
  (await client.ask(NAME, "A", NEVER)).addresses.map(({ address }) => address);

test("the first server that knows is the only one asked", async () => {
  const dns = new FakeDns({ [FIRST]: knowing, [SECOND]: knowing });
  assert.deepEqual(await addressesOf(clientOf(dns)), ["198.51.100.7"]);
  assert.deepEqual(dns.asked, [`udp ${FIRST} A ${NAME}`]);
});

const NEXT: Readonly<Record<string, FakeReply>> = {
  "says SERVFAIL": { rcode: 2 },
  "says REFUSED": { rcode: 5 },
  "says NOTIMP": { rcode: 4 },
  "says FORMERR without the question": { rcode: 1, questions: 0 },
  "sends a bad answer": { answers: 7 },
  "cannot be reached": Object.assign(new Error(), { code: "ECONNREFUSED" }),
};

for (const [what, reply] of Object.entries(NEXT)) {
  test(`a server that ${what} is followed by the next, at once`, async () => {
    const dns = new FakeDns({ [FIRST]: () => reply, [SECOND]: knowing });
    assert.deepEqual(await addressesOf(clientOf(dns)), ["198.51.100.7"]);
    assert.deepEqual(dns.asked, [`udp ${FIRST} A ${NAME}`, `udp ${SECOND} A ${NAME}`]);
  });
}

test("a server that is silent is followed by the next when its time is over", async () => {
  const clock = new VirtualClock();
  const dns = new FakeDns({ [SECOND]: knowing });
  const found = addressesOf(clientOf(dns, clock));
  await clock.advance(TIMEOUT_MS - 1);
  assert.equal(dns.asked.length, 1);
  await clock.advance(1);
  assert.deepEqual(await found, ["198.51.100.7"]);
  assert.equal(dns.waiting, 0);
  assert.equal(clock.sleepers, 0);
});

test("a silent server is asked twice, and never one that answered", async () => {
  const clock = new VirtualClock();
  const dns = new FakeDns({ [FIRST]: () => "silence", [SECOND]: () => ({ rcode: 2 }) });
  const failed = assert.rejects(clientOf(dns, clock).ask(NAME, "A", NEVER), (error) => {
    assert.ok(error instanceof DownloadError);
    assert.deepEqual([error.code, error.retryable], ["dns", true]);
    assert.equal(
      error.message,
      `Cannot find the address of ${NAME}: the DNS server ${FIRST} did not answer in time, ${SECOND} answered SERVFAIL`,
    );
    return true;
  });
  await clock.advance(2 * TIMEOUT_MS);
  await failed;
  assert.deepEqual(dns.asked.map((line) => line.split(" ")[1]), [FIRST, SECOND, FIRST]);
});

test("a server that sends bad answers is not asked for another", async () => {
  const dns = new FakeDns({ [FIRST]: () => ({ answers: 7 }), [SECOND]: () => ({ rcode: 5 }) });
  await assert.rejects(clientOf(dns).ask(NAME, "A", NEVER), {
    message:
      `Cannot find the address of ${NAME}: the DNS server ${FIRST} sent a bad answer (cut short), ${SECOND} answered REFUSED`,
  });
  assert.equal(dns.asked.length, 2);
});

test("a lost datagram costs one round", async () => {
  const clock = new VirtualClock();
  let questions = 0;
  const dns = new FakeDns({
    [FIRST]: (it) => ++questions === 1 ? "silence" : knowing(it),
    [SECOND]: () => "silence",
  });
  const found = addressesOf(clientOf(dns, clock));
  await clock.advance(2 * TIMEOUT_MS);
  assert.deepEqual(await found, ["198.51.100.7"]);
});

for (const [what, reply, rcode] of [["NXDOMAIN", { rcode: 3 }, 3], ["an empty answer", {}, 0]] as const) {
  test(`${what} is final`, async () => {
    const dns = new FakeDns({ [FIRST]: () => reply, [SECOND]: knowing });
    const answer = await clientOf(dns).ask(NAME, "A", NEVER);
    assert.deepEqual([answer.rcode, answer.addresses], [rcode, []]);
    assert.equal(dns.asked.length, 1);
  });
}

test("an answer with another id or to another question is not heard", async () => {
  for (const wrong of [(id: number) => ({ id: id ^ 1 }), () => ({ name: "evil.example" })]) {
    const clock = new VirtualClock();
    const dns = new FakeDns({
      [FIRST]: (it) => ({ ...knowing(it), ...wrong(it.id) }),
      [SECOND]: knows(["203.0.113.1"]),
    });
    const found = addressesOf(clientOf(dns, clock));
    await clock.advance(TIMEOUT_MS - 1);
    assert.equal(dns.asked.length, 1);
    await clock.advance(1);
    assert.deepEqual(await found, ["203.0.113.1"]);
  }
});

test("every datagram has a number of its own that nobody can guess", async () => {
  const dns = new FakeDns({ [FIRST]: knowing });
  const client = clientOf(dns);
  for (let round = 0; round < 200; round++) await addressesOf(client);
  assert.ok(new Set(dns.ids).size > 190);
  assert.ok(dns.ids.some((id) => id > 0x8000) && dns.ids.some((id) => id < 0x8000));
});

test("a truncated answer is asked for again over TCP", async () => {
  const dns = new FakeDns({ [FIRST]: (it) => it.transport === "udp" ? { flags: 0x8380 } : knowing(it) });
  assert.deepEqual(await addressesOf(clientOf(dns)), ["198.51.100.7"]);
  assert.deepEqual(dns.asked, [`udp ${FIRST} A ${NAME}`, `tcp ${FIRST} A ${NAME}`]);
  assert.equal(dns.openConnections, 0);
});

const BAD_TCP: Readonly<Record<string, FakeReply>> = {
  "cut": new Uint8Array(),
  "truncated as well": { flags: 0x8380 },
  "for somebody else": { id: 1, name: "evil.example" },
};

for (const [what, reply] of Object.entries(BAD_TCP)) {
  test(`where the answer over TCP is ${what}, the next server is asked`, async () => {
    const dns = new FakeDns({
      [FIRST]: (it) => it.transport === "udp" ? { flags: 0x8380 } : reply,
      [SECOND]: knowing,
    });
    assert.deepEqual(await addressesOf(clientOf(dns)), ["198.51.100.7"]);
    assert.equal(dns.openConnections, 0);
  });
}

test("silence over TCP ends with the server's time, and the connection is closed", async () => {
  const clock = new VirtualClock();
  const dns = new FakeDns({
    [FIRST]: (it) => it.transport === "udp" ? { flags: 0x8380 } : "silence",
    [SECOND]: knowing,
  });
  const found = addressesOf(clientOf(dns, clock));
  await clock.advance(TIMEOUT_MS);
  assert.deepEqual(await found, ["198.51.100.7"]);
  assert.equal(dns.openConnections, 0);
});

test("DoH servers go first, with the number 0", async () => {
  const dns = new FakeDns({ [DOH]: knowing, [FIRST]: knowing });
  assert.deepEqual(await addressesOf(clientOf(dns, new VirtualClock(), [DOH])), ["198.51.100.7"]);
  assert.deepEqual(dns.asked, [`doh ${DOH} A ${NAME}`]);
  assert.deepEqual(dns.ids, [0]);
});

test("a DoH server that fails is followed by the next; the message has its host and not its path", async () => {
  const dns = new FakeDns({
    [DOH]: () => Object.assign(new Error("secret-path"), { code: "tls" }),
    [FIRST]: () => ({ rcode: 5 }),
    [SECOND]: () => ({ rcode: 7 }),
  });
  await assert.rejects(clientOf(dns, new VirtualClock(), [DOH]).ask(NAME, "A", NEVER), (error) => {
    assert.ok(error instanceof DownloadError);
    const reasons =
      `doh.example could not be asked (tls), ${FIRST} answered REFUSED, ${SECOND} answered with the code 7`;
    assert.equal(error.message, `Cannot find the address of ${NAME}: the DNS server ${reasons}`);
    return true;
  });
});

for (const reply of [{ id: 5 }, { name: "evil.example" }, { flags: 0x8380 }]) {
  test(`an answer over DoH with ${JSON.stringify(reply)} is a bad one`, async () => {
    const dns = new FakeDns({
      [DOH]: (it) => ({ ...knows(["203.0.113.1"])(it), ...reply }),
      [FIRST]: knowing,
    });
    assert.deepEqual(await addressesOf(clientOf(dns, new VirtualClock(), [DOH])), ["198.51.100.7"]);
  });
}

test("a name that DNS cannot have is refused before anybody is asked", async () => {
  const dns = new FakeDns({});
  await assert.rejects(clientOf(dns).ask("a".repeat(64), "A", NEVER), { code: "dns", retryable: false });
  assert.deepEqual(dns.asked, []);
});

for (const transport of ["udp", "tcp", "doh"] as const) {
  test(`an abort ends a question over ${transport} at once, with its reason`, async () => {
    const clock = new VirtualClock();
    const truncated = (it: { transport: string }): FakeReply =>
      it.transport === "udp" ? { flags: 0x8380 } : "silence";
    const dns = new FakeDns(transport === "tcp" ? { [FIRST]: truncated } : {});
    const stop = new AbortController();
    const reason = new Error("enough");
    const asked = clientOf(dns, clock, transport === "doh" ? [DOH] : []).ask(NAME, "A", stop.signal);
    const failed = assert.rejects(asked, reason);
    await settle();
    assert.equal(dns.waiting, 1);
    stop.abort(reason);
    await failed;
    await settle();
    assert.deepEqual([dns.waiting, dns.openConnections, clock.sleepers], [0, 0, 0]);
    assert.equal(dns.asked.length, transport === "tcp" ? 2 : 1);
  });
}
