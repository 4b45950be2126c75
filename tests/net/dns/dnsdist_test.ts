import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { buffer } from "node:stream/consumers";
import process from "node:process";
import { test } from "node:test";
import type { FetchDoh } from "../../../src/net/dns/dns_client.ts";
import { Resolver, type ResolverOptions } from "../../../src/net/dns/resolver.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { sockets } from "../../../src/runtime/network/sockets.ts";
import { findDnsdist, startDnsdist } from "../../helpers/servers/dnsdist.ts";
import { DNSMASQ_DOMAIN, findDnsmasq, startDnsmasq } from "../../helpers/servers/dnsmasq.ts";
import { temporaryDirectory } from "../../helpers/temp.ts";

const isMissing = await findDnsdist() === undefined || await findDnsmasq() === undefined;
const skip = isMissing ? "dnsdist or dnsmasq is not installed" : false;
if (skip) process.stdout.write(`SKIPPED: names from dnsdist over HTTPS, as ${skip}\n`);

const NEVER = new AbortController().signal;
const NAME = `both.${DNSMASQ_DOMAIN}`;
const MANY = `many.${DNSMASQ_DOMAIN}`;
const MANY_ADDRESSES = Array.from({ length: 200 }, (_, index) => `198.51.100.${index + 1}`);

/** RFC 8484 with POST. */
function fetchTrusting(ca: string | undefined): FetchDoh {
  return async (url, message, signal) => {
    const headers = { "content-type": "application/dns-message", "accept": "application/dns-message" };
    const asked = request(url, { method: "POST", headers, ca, signal, agent: false });
    asked.end(message);
    const [response] = await once(asked, "response") as [IncomingMessage];
    assert.deepEqual([response.statusCode, response.headers["content-type"]], [
      200,
      "application/dns-message",
    ]);
    return await buffer(response);
  };
}

test("dnsdist: names over HTTPS, and only to a server whose certificate is trusted", { skip }, async () => {
  await using dir = await temporaryDirectory();
  const hosts = { [NAME]: ["192.0.2.7", "2001:db8::7"], [MANY]: MANY_ADDRESSES };
  await using dnsmasq = await startDnsmasq({ dir, hosts, ttlSeconds: 60 });
  await using dnsdist = await startDnsdist(dir, dnsmasq.endpoint);
  const options: ResolverOptions = {
    network: { ...sockets, exchange: () => Promise.reject(new Error("a question in the clear")) },
    clock: systemClock,
    dohServers: [dnsdist.url],
    fetchDoh: fetchTrusting(await readFile(dnsdist.caCert, "utf8")),
    servers: [],
    timeoutMs: 5000,
    overrides: new Map(),
    families: "all",
  };
  const resolver = new Resolver(options);
  assert.deepEqual(await resolver.resolve(NAME, 443, NEVER), ["2001:db8::7", "192.0.2.7"]);
  assert.deepEqual([...await resolver.resolve(MANY, 443, NEVER)].sort(), [...MANY_ADDRESSES].sort());
  await assert.rejects(resolver.resolve(`missing.${DNSMASQ_DOMAIN}`, 443, NEVER), {
    message: /: DNS has no such name$/,
  });
  const asked = (await dnsmasq.questions()).filter((question) => question.endsWith(NAME));
  assert.deepEqual(asked.sort(), [`A ${NAME}`, `AAAA ${NAME}`]);

  const distrusting = new Resolver({ ...options, fetchDoh: fetchTrusting(undefined) });
  await assert.rejects(distrusting.resolve(NAME, 443, NEVER), {
    code: "dns",
    message: /127\.0\.0\.1:\d+ could not be asked/,
  });
  const { length } = await dnsmasq.questions();
  const plain = new Resolver({
    ...options,
    network: sockets,
    fetchDoh: fetchTrusting(undefined),
    servers: [dnsmasq.endpoint],
    families: "ipv4",
  });
  assert.deepEqual(await plain.resolve(NAME, 443, NEVER), ["192.0.2.7"]);
  assert.equal((await dnsmasq.questions()).length, length + 1);
});
