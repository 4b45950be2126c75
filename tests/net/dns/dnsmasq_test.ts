import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { DnsClient } from "../../../src/net/dns/dns_client.ts";
import { Resolver, type ResolverOptions } from "../../../src/net/dns/resolver.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { sockets } from "../../../src/runtime/network/sockets.ts";
import { type Dnsmasq, DNSMASQ_DOMAIN, findDnsmasq, startDnsmasq } from "../../helpers/servers/dnsmasq.ts";
import { temporaryDirectory } from "../../helpers/temp.ts";

const skip = await findDnsmasq() === undefined ? "dnsmasq is not installed" : false;
if (skip) process.stdout.write(`SKIPPED: names from dnsmasq, as ${skip}\n`);

const NEVER = new AbortController().signal;
const TTL_SECONDS = 123;
const BOTH = `both.${DNSMASQ_DOMAIN}`;
const MANY = `many.${DNSMASQ_DOMAIN}`;
const MANY_ADDRESSES = Array.from({ length: 200 }, (_, index) => `198.51.100.${index + 1}`);
const HOSTS = {
  [BOTH]: ["192.0.2.7", "2001:db8::7"],
  [`six.${DNSMASQ_DOMAIN}`]: ["2001:db8::6"],
  [MANY]: MANY_ADDRESSES,
};

type Scene = {
  readonly server: Dnsmasq;
  readonly options: ResolverOptions;
  readonly connections: () => number;
};

/** Starts dnsmasq, and stops it when `run` is done. */
async function withDnsmasq(run: (scene: Scene) => Promise<void>): Promise<void> {
  await using dir = await temporaryDirectory();
  const aliases = { [`alias.${DNSMASQ_DOMAIN}`]: BOTH };
  await using server = await startDnsmasq({ dir, hosts: HOSTS, aliases, ttlSeconds: TTL_SECONDS });
  let connections = 0;
  const network: ResolverOptions["network"] = {
    ...sockets,
    connect(to, settings) {
      connections++;
      return sockets.connect(to, settings);
    },
  };
  await run({
    server,
    connections: () => connections,
    options: {
      network,
      clock: systemClock,
      dohServers: [],
      fetchDoh: () => Promise.reject(new Error("nobody asks over HTTPS")),
      servers: [server.endpoint],
      timeoutMs: 5000,
      overrides: new Map(),
      families: "all",
    },
  });
}

test(
  "dnsmasq: a name that exists nowhere else has addresses of both families",
  { skip },
  () =>
    withDnsmasq(async ({ server, options }) => {
      const resolver = new Resolver(options);
      assert.deepEqual(await resolver.resolve(BOTH, 443, NEVER), ["2001:db8::7", "192.0.2.7"]);
      assert.deepEqual(await resolver.resolve(`alias.${DNSMASQ_DOMAIN}`, 443, NEVER), [
        "2001:db8::7",
        "192.0.2.7",
      ]);
      assert.deepEqual(await resolver.resolve(`six.${DNSMASQ_DOMAIN}`, 443, NEVER), ["2001:db8::6"]);
      // It is kept: no more questions than these.
      await resolver.resolve(BOTH, 443, NEVER);
      assert.equal((await server.questions()).length, 6);
    }),
);

test(
  "dnsmasq: with IPv6 switched off no question for it is sent",
  { skip },
  () =>
    withDnsmasq(async ({ server, options }) => {
      const resolver = new Resolver({ ...options, families: "ipv4" });
      assert.deepEqual(await resolver.resolve(BOTH, 443, NEVER), ["192.0.2.7"]);
      await assert.rejects(resolver.resolve(`six.${DNSMASQ_DOMAIN}`, 443, NEVER), {
        code: "dns",
        retryable: true,
      });
      assert.deepEqual(await server.questions(), [`A ${BOTH}`, `A six.${DNSMASQ_DOMAIN}`]);
    }),
);

test(
  "dnsmasq: addresses come with the time that they hold",
  { skip },
  () =>
    withDnsmasq(async ({ options }) => {
      const answer = await new DnsClient(options).ask(BOTH, "A", NEVER);
      assert.deepEqual(answer.addresses, [{ address: "192.0.2.7", ttlSeconds: TTL_SECONDS }]);
    }),
);

test(
  "dnsmasq: more addresses than fit into a datagram come over TCP",
  { skip },
  () =>
    withDnsmasq(async ({ options, connections }) => {
      const resolver = new Resolver(options);
      const found = await resolver.resolve(MANY, 443, NEVER);
      assert.deepEqual([...found].sort(), [...MANY_ADDRESSES].sort());
      assert.equal(connections(), 1);
    }),
);

test(
  "dnsmasq: a name that does not exist is told from a server that is not there",
  { skip },
  () =>
    withDnsmasq(async ({ options }) => {
      const missing = new Resolver(options).resolve(`missing.${DNSMASQ_DOMAIN}`, 443, NEVER);
      await assert.rejects(missing, { code: "dns", retryable: true, message: /: DNS has no such name$/ });
      // Outside of its domain it has nobody to ask, and says so.
      await assert.rejects(new Resolver(options).resolve("example.com", 443, NEVER), {
        message: /answered REFUSED$/,
      });
      const nowhere = { address: "127.0.0.1", port: 1 };
      const unreachable = new Resolver({ ...options, servers: [nowhere], timeoutMs: 500 });
      await assert.rejects(unreachable.resolve(BOTH, 443, NEVER), {
        message: /the DNS server 127\.0\.0\.1:1 (?:could not be asked|did not answer in time)/,
      });
      const fallback = new Resolver({ ...options, servers: [nowhere, ...options.servers], timeoutMs: 500 });
      assert.deepEqual(await fallback.resolve(BOTH, 443, NEVER), ["2001:db8::7", "192.0.2.7"]);
    }),
);
