import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Reach, type ReachOptions } from "../helpers/scenes/reach.ts";
import { findDnsdist, startDnsdist } from "../helpers/servers/dnsdist.ts";
import { DNSMASQ_DOMAIN, findDnsmasq, startDnsmasq } from "../helpers/servers/dnsmasq.ts";
import { findMicrosocks, startMicrosocks } from "../helpers/servers/microsocks.ts";
import { findNginx } from "../helpers/servers/nginx.ts";
import { skipWithout } from "../helpers/servers/programs.ts";
import { findTinyproxy, startTinyproxy } from "../helpers/servers/tinyproxy.ts";
import { Authority } from "../helpers/sockets/certificate.ts";
import { TlsFront } from "../helpers/sockets/tls_front.ts";
import { temporaryDirectory } from "../helpers/temp.ts";

const skip = await skipWithout("the settings of docs/network.md", {
  nginx: findNginx,
  tinyproxy: findTinyproxy,
  microsocks: findMicrosocks,
  dnsmasq: findDnsmasq,
  dnsdist: findDnsdist,
});

const NAME = `files.${DNSMASQ_DOMAIN}`;
/** As an option has it, and as a proxy is told. */
const USER = "joe:hush%2Ehush";
const PLAIN_USER = "joe:hush.hush";
const LOOPBACK = "127.0.0.1";

/** Hosts and ports of the servers, and certificates. */
interface World {
  readonly reach: Reach;
  readonly http: string;
  readonly https: string;
  /** Requests a client certificate. */
  readonly mutual: string;
  readonly tinyproxy: string;
  readonly privateTinyproxy: string;
  readonly secureTinyproxy: string;
  readonly microsocks: string;
  readonly privateMicrosocks: string;
  readonly dns: string;
  readonly doh: string;
  readonly ca: readonly string[];
  readonly cert: string;
  readonly key: string;
}

/** What the servers have seen: requests, tunnels, targets and questions. */
type Seen = Readonly<Record<"nginx" | "mutual" | "tinyproxy" | "microsocks" | "dns", readonly string[]>>;

type Scheme = "http" | "https" | "mutual";

/** A setting, and what the servers see of a request with it, beside the request that nginx sees. */
interface Row {
  readonly name: string;
  readonly options: (world: World) => ReachOptions;
  /** @default {["http", "https"]} */
  readonly schemes?: readonly Scheme[];
  /** @default {"127.0.0.1"} */
  readonly host?: string;
  /** @default {"127.0.0.1"} */
  readonly from?: string;
  readonly seen?: (url: URL) => Partial<Seen>;
}

/** What a proxy for HTTP sees of a URL. */
function asked({ href, host, protocol }: URL): Partial<Seen> {
  return { tinyproxy: [protocol === "http:" ? `GET ${href} HTTP/1.1` : `CONNECT ${host} HTTP/1.1`] };
}

const direct = (): Partial<Seen> => ({});
const looked = (...types: readonly string[]) => (): Partial<Seen> => ({
  dns: types.map((type) => `${type} ${NAME}`),
});

const BOTH: readonly Scheme[] = ["http", "https"];
const ROWS: readonly Row[] = [
  { name: "none", options: () => ({}), schemes: ["http"] },
  { name: "tls.ca", options: ({ ca }) => ({ tls: { ca } }), schemes: ["https"] },
  { name: "tls.insecure", options: () => ({ tls: { insecure: true } }), schemes: ["https"] },
  {
    name: "tls.cert and tls.key",
    options: ({ ca, cert, key }) => ({ tls: { ca, cert, key } }),
    schemes: ["mutual"],
  },
  { name: "allProxy", options: ({ tinyproxy }) => ({ allProxy: `http://${tinyproxy}` }), seen: asked },
  {
    name: "allProxy with a name",
    options: ({ tinyproxy }) => ({ allProxy: tinyproxy }),
    host: "localhost",
    seen: asked,
  },
  {
    name: "allProxy for a user",
    options: ({ privateTinyproxy }) => ({ allProxy: `http://${USER}@${privateTinyproxy}` }),
    seen: asked,
  },
  {
    name: "allProxy over TLS",
    options: ({ secureTinyproxy }) => ({ allProxy: `https://${USER}@${secureTinyproxy}` }),
    seen: asked,
  },
  {
    name: "httpProxy",
    options: ({ tinyproxy }) => ({ httpProxy: tinyproxy }),
    schemes: ["http"],
    seen: asked,
  },
  {
    name: "httpsProxy",
    options: ({ tinyproxy }) => ({ httpsProxy: tinyproxy }),
    schemes: ["https"],
    seen: asked,
  },
  {
    name: "httpProxy, not for https",
    options: ({ tinyproxy }) => ({ httpProxy: tinyproxy }),
    schemes: ["https"],
  },
  {
    name: "httpsProxy, not for http",
    options: ({ tinyproxy }) => ({ httpsProxy: tinyproxy }),
    schemes: ["http"],
  },
  {
    name: "all_proxy of the environment",
    options: ({ tinyproxy }) => ({ environment: { all_proxy: tinyproxy } }),
    seen: asked,
  },
  {
    name: "proxies of the environment",
    options: ({ tinyproxy }) => ({ environment: { http_proxy: tinyproxy, HTTPS_PROXY: tinyproxy } }),
    seen: asked,
  },
  {
    name: "NO_PROXY of the environment",
    options: ({ tinyproxy }) => ({ environment: { ALL_PROXY: tinyproxy, NO_PROXY: "127.0.0.0/8" } }),
    seen: direct,
  },
  { name: "noProxy", options: ({ tinyproxy }) => ({ allProxy: tinyproxy, noProxy: "127.*" }), seen: direct },
  {
    name: "proxy: false",
    options: ({ tinyproxy }) => ({ proxy: false, environment: { all_proxy: tinyproxy } }),
    seen: direct,
  },
  ...["socks5", "socks5h"].flatMap((kind): Row[] => [
    {
      name: `${kind}`,
      options: ({ microsocks }) => ({ allProxy: `${kind}://${microsocks}` }),
      seen: ({ host }) => ({ microsocks: [host] }),
    },
    {
      name: `${kind} for a user`,
      options: ({ privateMicrosocks }) => ({ allProxy: `${kind}://${USER}@${privateMicrosocks}` }),
      seen: ({ host }) => ({ microsocks: [host] }),
    },
  ]),
  {
    name: "socks5h with a name",
    options: ({ microsocks }) => ({ allProxy: `socks5h://${microsocks}` }),
    host: "localhost",
    seen: ({ host }) => ({ microsocks: [host] }),
  },
  {
    name: "socks5 with a name of dnsServers",
    options: ({ microsocks, dns }) => ({ allProxy: `socks5://${microsocks}`, dnsServers: [dns] }),
    host: NAME,
    seen: ({ port }) => ({ microsocks: [`127.0.0.1:${port}`], ...looked("A", "AAAA")() }),
  },
  {
    name: "dnsServers",
    options: ({ dns }) => ({ dnsServers: [dns] }),
    host: NAME,
    seen: looked("A", "AAAA"),
  },
  {
    name: "dohServers",
    options: ({ doh, ca }) => ({ dohServers: [doh], tls: { ca } }),
    host: NAME,
    seen: looked("A", "AAAA"),
  },
  {
    name: "resolve",
    options: ({ http, https }) => ({
      resolve: Object.fromEntries([http, https].map((host) => [host.replace(LOOPBACK, NAME), LOOPBACK])),
    }),
    host: NAME,
  },
  {
    name: "enableIpv6: false",
    options: ({ dns }) => ({ enableIpv6: false, dnsServers: [dns] }),
    host: NAME,
    seen: looked("A"),
  },
  { name: "localAddress", options: () => ({ localAddress: "127.0.0.5" }), from: "127.0.0.5" },
];

async function startWorld(stack: AsyncDisposableStack): Promise<{ world: World; look: () => Promise<Seen> }> {
  const reach = stack.use(await Reach.open());
  reach.secrets.push("hush");
  const { dir } = reach;
  for (const name of ["files", "mutual"]) await mkdir(dir.join(name));
  const authority = await Authority.make(dir.path, "authority");
  const clients = await Authority.make(dir.path, "clients");
  const certificate = await authority.issue("server", {
    names: `DNS:${NAME}, DNS:localhost, IP:127.0.0.1`,
  });
  const client = await clients.issue("client", { side: "client", names: "DNS:joe" });
  const [nginx, mutual] = [
    stack.use(await reach.nginx({ tls: true, certificate, dir: dir.join("files") })),
    stack.use(
      await reach.nginx({ tls: true, certificate, dir: dir.join("mutual"), clientCa: clients.caCert }),
    ),
  ];
  const [tinyproxy, privateTinyproxy] = [
    stack.use(await startTinyproxy(dir)),
    stack.use(await startTinyproxy(dir, { user: PLAIN_USER })),
  ];
  const secureTinyproxy = stack.use(await TlsFront.start(privateTinyproxy.url, certificate));
  const [microsocks, privateMicrosocks] = [
    stack.use(await startMicrosocks(dir)),
    stack.use(await startMicrosocks(dir, PLAIN_USER)),
  ];
  const dns = stack.use(await startDnsmasq({ dir, hosts: { [NAME]: ["127.0.0.1"] }, ttlSeconds: 60 }));
  const doh = stack.use(await startDnsdist(stack.use(await temporaryDirectory()), dns.endpoint));
  const hostOf = (origin = "") => new URL(origin).host;
  const world = {
    reach,
    http: hostOf(nginx.origin),
    https: hostOf(nginx.tlsOrigin),
    mutual: hostOf(mutual.tlsOrigin),
    tinyproxy: tinyproxy.host,
    privateTinyproxy: privateTinyproxy.host,
    secureTinyproxy: secureTinyproxy.host,
    microsocks: microsocks.host,
    privateMicrosocks: privateMicrosocks.host,
    dns: `127.0.0.1:${dns.endpoint.port}`,
    doh: doh.url,
    ca: [await reach.read(authority.caCert), await reach.read(doh.caCert)],
    cert: await reach.read(client.cert),
    key: await reach.read(client.key),
  };
  const look = async (): Promise<Seen> => ({
    nginx: (await nginx.requests()).map(({ host, serverName, status, remoteAddress }) =>
      `${host} ${serverName} ${status} ${remoteAddress}`
    ),
    mutual: (await mutual.requests()).map(({ status, clientCertificate }) =>
      `${status} ${clientCertificate}`
    ),
    tinyproxy: [...await tinyproxy.requests(), ...await privateTinyproxy.requests()],
    microsocks: [...await microsocks.connections(), ...await privateMicrosocks.connections()],
    dns: (await dns.questions()).filter((question) => question.endsWith(NAME)),
  });
  return { world, look };
}

/** What is new in `after`. */
function added(before: readonly string[], after: readonly string[]): string[] {
  const left = [...before];
  return after.filter((line) => {
    const at = left.indexOf(line);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  }).sort();
}

test(
  "every setting of docs/network.md, against real servers: the file arrives, and each server sees its part alone",
  {
    skip,
    timeout: 120_000,
  },
  async () => {
    await using stack = new AsyncDisposableStack();
    const { world, look } = await startWorld(stack);
    let before = await look();
    for (
      const { name, options, schemes = BOTH, host = LOOPBACK, from = LOOPBACK, seen = direct } of ROWS
    ) {
      for (const scheme of schemes) {
        const place = world[scheme].replace("127.0.0.1", host);
        const url = new URL(`${scheme === "http" ? "http" : "https"}://${place}/file.bin`);
        const own = options(world);
        const what = `${name}, ${scheme}`;
        await world.reach.complete(url.href, { environment: {}, tls: { ca: world.ca }, ...own }).catch(
          (cause) => {
            throw new Error(`${what}: ${cause}`, { cause });
          },
        );
        const server = scheme === "mutual" ? "mutual" : "nginx";
        // An address is not sent as a server name (RFC 6066, section 3).
        const serverName = scheme === "https" && host !== LOOPBACK ? host : undefined;
        const wanted: Seen = {
          ...{ nginx: [], mutual: [], tinyproxy: [], microsocks: [], dns: [], ...seen(url) },
          [server]: [scheme === "mutual" ? "206 SUCCESS" : `${place} ${serverName} 206 ${from}`],
        };
        let after = await look();
        // A server may write its log a little later.
        for (let polls = 0; after[server].length === before[server].length && polls < 500; polls++) {
          await sleep(10);
          after = await look();
        }
        const news = Object.entries(after).map((
          [key, lines],
        ) => [key, added(before[key as keyof Seen], lines)]);
        assert.deepEqual(Object.fromEntries(news), wanted, what);
        before = after;
      }
    }
  },
);

/** Settings without a server program: tests/net/connect/connections_test.ts has them. */
const LIMITS = ["poolMaxIdlePerHost", "poolIdleTimeoutMs", "connectTimeoutMs", "readTimeoutMs"];

test("the table of docs/network.md has the settings that are tested, and no other", { skip }, async () => {
  const page = await readFile(new URL("../../docs/network.md", import.meta.url), "utf8");
  const [table = ""] = /^\| setting [^]*?\n\n/m.exec(page) ?? [];
  const firstCells = table.split("\n").slice(2).map((line) => line.split("|")[1] ?? "");
  const named = firstCells.flatMap((cell) =>
    Array.from(cell.matchAll(/`([\w.]+)(?:: \w+)?`/g), ([, name]) => name)
  );
  const anything = new Proxy({}, { get: () => "" }) as World;
  const tested = ROWS.flatMap(({ options }) =>
    Object.entries(options(anything)).flatMap(([name, value]) =>
      name === "tls" ? Object.keys(value).map((key) => `tls.${key}`) : name
    )
  );
  const wanted = new Set([...tested.filter((name) => name !== "environment"), ...LIMITS]);
  assert.deepEqual([...new Set(named)].sort(), [...wanted].sort());
});
