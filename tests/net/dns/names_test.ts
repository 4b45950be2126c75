import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { Authority } from "../../helpers/sockets/certificate.ts";
import { freePort } from "../../helpers/servers/daemon.ts";
import { findDnsdist, startDnsdist } from "../../helpers/servers/dnsdist.ts";
import { DNSMASQ_DOMAIN, findDnsmasq, startDnsmasq } from "../../helpers/servers/dnsmasq.ts";
import { FaultServer } from "../../../testing/mod.ts";
import { findNginx } from "../../helpers/servers/nginx.ts";
import { skipWithout } from "../../helpers/servers/programs.ts";
import { Reach, REACH_FILE, type ReachOptions } from "../../helpers/scenes/reach.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../../helpers/temp.ts";

const skip = await skipWithout("downloads with names of dnsmasq", { dnsmasq: findDnsmasq, nginx: findNginx });
const skipDoh = skip || await skipWithout("downloads with names from dnsdist", { dnsdist: findDnsdist });

const NAME = `files.${DNSMASQ_DOMAIN}`;
/** Deno does not learn that nobody listens on a UDP port, and waits. */
const HASTE = 50;
const QUESTIONS = [`A ${NAME}`, `AAAA ${NAME}`];

/** Starts nginx with a certificate for the name, and does for it what `settings` says. */
async function withNamed(
  names: string,
  run: (
    reach: Reach,
    urls: { http: string; https: string },
    ca: string,
    requests: () => Promise<string[]>,
  ) => Promise<void>,
): Promise<void> {
  await using reach = await Reach.open();
  const authority = await Authority.make(reach.dir.path, "files-ca");
  const certificate = await authority.issue("files", { names });
  await using nginx = await reach.nginx({ tls: true, certificate });
  const named = (origin: string): string => `${origin.replace("127.0.0.1", NAME)}/file.bin`;
  const urls = { http: named(nginx.origin), https: named(nginx.tlsOrigin!) };
  const requests = async () => {
    await nginx.stop();
    return (await nginx.requests()).map(({ host, serverName, status }) => `${host} ${serverName} ${status}`);
  };
  await run(reach, urls, await reach.read(authority.caCert), requests);
}

type Settings = (
  dir: TemporaryDirectory,
  ca: string,
  run: (options: ReachOptions) => Promise<void>,
) => Promise<void>;

const SETTINGS: Readonly<Record<string, readonly [skip: string | false, settings: Settings]>> = {
  "dnsmasq": [skip, async (dir, ca, run) => {
    await using dns = await startDnsmasq({ dir, hosts: { [NAME]: ["127.0.0.1"] }, ttlSeconds: 60 });
    await run({ dnsServers: [`127.0.0.1:${dns.endpoint.port}`], tls: { ca } });
    assert.deepEqual((await dns.questions()).sort(), QUESTIONS, "answers are kept");
  }],
  "dnsdist over HTTPS": [skipDoh, async (dir, ca, run) => {
    await using dns = await startDnsmasq({ dir, hosts: { [NAME]: ["127.0.0.1"] }, ttlSeconds: 60 });
    await using dohDir = await temporaryDirectory();
    await using doh = await startDnsdist(dohDir, dns.endpoint);
    await run({ dohServers: [doh.url], tls: { ca: [ca, await readFile(doh.caCert, "utf8")] } });
    assert.deepEqual((await dns.questions()).filter((line) => line.includes(NAME)).sort(), QUESTIONS);
  }],
  "an address that was set": [skip, async (_, ca, run) => {
    await run({ resolve: { [NAME]: "127.0.0.1" }, tls: { ca } });
  }],
};

for (const [name, [isSkipped, settings]] of Object.entries(SETTINGS)) {
  test(
    `${name}: http and https by a name that exists nowhere else`,
    { skip: isSkipped, timeout: 30_000 },
    () =>
      withNamed(`DNS:${NAME}`, async (reach, { http, https }, ca, requests) => {
        await settings(reach.dir, ca, async (options) => {
          const starter = reach.start(withPorts(options, http, https));
          try {
            for (const url of [http, https, http, https]) {
              await starter.download(reach.spec(url)).wait();
            }
          } finally {
            await starter.close();
          }
        });
        const [plain, secure] = [new URL(http).host, new URL(https).host];
        assert.deepEqual(await requests(), [
          ...[`${plain} undefined 206`, `${secure} ${NAME} 206`],
          ...[`${plain} undefined 206`, `${secure} ${NAME} 206`],
        ]);
      }),
  );

  test(
    `${name}: a certificate for another name is refused`,
    { skip: isSkipped, timeout: 30_000 },
    () =>
      withNamed("DNS:localhost, IP:127.0.0.1", async (reach, { http, https }, ca, requests) => {
        await settings(reach.dir, ca, async (options) => {
          const error = await reach.fail("tls", https, withPorts(options, http, https));
          assert.equal(error.retryable, false);
          assert.match(
            error.message,
            new RegExp(`^Cannot reach ${NAME}:\\d+: its certificate cannot be trusted`),
          );
        });
        assert.deepEqual(reach.messages, [], "it is not tried again");
        assert.deepEqual(await requests(), []);
      }),
  );
}

/** `resolve` wants the ports. */
function withPorts(options: ReachOptions, ...urls: readonly string[]): ReachOptions {
  if (options.resolve === undefined) return options;
  const [address = ""] = Object.values(options.resolve);
  return { ...options, resolve: Object.fromEntries(urls.map((url) => [new URL(url).host, address])) };
}

test("names: the next server is asked when one is not there", { skip, timeout: 30_000 }, async () => {
  await using reach = await Reach.open();
  await using server = await FaultServer.start(REACH_FILE);
  await using dns = await startDnsmasq({ dir: reach.dir, hosts: { [NAME]: ["127.0.0.1"] }, ttlSeconds: 60 });
  const dnsServers = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${dns.endpoint.port}`];
  await reach.complete(server.url.replace("127.0.0.1", NAME), { dnsServers, haste: HASTE }, {
    maxRetries: 0,
  });
  assert.deepEqual((await dns.questions()).sort(), QUESTIONS);
});

test("names: the next server is asked when one is silent", { skip, timeout: 30_000 }, async () => {
  await using reach = await Reach.open();
  await using server = await FaultServer.start(REACH_FILE);
  await using dns = await startDnsmasq({ dir: reach.dir, hosts: { [NAME]: ["127.0.0.1"] }, ttlSeconds: 60 });
  const silent = createSocket("udp4").bind(0, "127.0.0.1");
  await once(silent, "listening");
  let heard = 0;
  silent.on("message", () => heard++);
  const dnsServers = [`127.0.0.1:${silent.address().port}`, `127.0.0.1:${dns.endpoint.port}`];
  try {
    const url = server.url.replace("127.0.0.1", NAME);
    await reach.complete(url, { dnsServers, haste: HASTE }, { maxRetries: 0 });
    assert.ok(heard >= 2, `${heard} questions to the first`);
  } finally {
    silent.close();
  }
});

test("names: no server is there, or none knows the name", { skip, timeout: 30_000 }, async () => {
  await using reach = await Reach.open();
  await using dns = await startDnsmasq({ dir: reach.dir, hosts: { [NAME]: ["127.0.0.1"] }, ttlSeconds: 60 });
  const dead = `127.0.0.1:${await freePort()}`;
  const gone = await reach.fail("dns", `http://${NAME}:8080/file.bin`, {
    dnsServers: [dead],
    haste: HASTE,
  });
  assert.match(gone.message, new RegExp(`^Cannot find the address of ${NAME}: the DNS server ${dead} `));
  const dnsServers = [`127.0.0.1:${dns.endpoint.port}`];
  const unknown = await reach.fail("dns", `https://no.${DNSMASQ_DOMAIN}:8080/file.bin`, { dnsServers });
  assert.equal(unknown.message, `Cannot find the address of no.${DNSMASQ_DOMAIN}: DNS has no such name`);
  assert.deepEqual([gone.retryable, unknown.retryable, reach.messages.length], [true, true, 2]);
});

test("names: a DoH server whose certificate cannot be trusted is not asked", {
  skip: skipDoh,
  timeout: 30_000,
}, async () => {
  await using reach = await Reach.open();
  await using dns = await startDnsmasq({ dir: reach.dir, hosts: { [NAME]: ["127.0.0.1"] }, ttlSeconds: 60 });
  await using doh = await startDnsdist(reach.dir, dns.endpoint);
  const error = await reach.fail("dns", `http://${NAME}:8080/file.bin`, { dohServers: [doh.url] });
  assert.match(error.message, /could not be asked \(.*\)$/);
  assert.deepEqual((await dns.questions()).filter((line) => line.includes(NAME)), []);
});
