import { Buffer } from "node:buffer";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { DownloaderOptions } from "../../../mod.ts";
import { answerTo, readQuestion } from "../../helpers/doubles/dns_answer.ts";
import { REACH_FILE } from "../../helpers/scenes/reach.ts";
import { Authority } from "../../helpers/sockets/certificate.ts";
import { startSocksDouble } from "../../helpers/sockets/socks_double.ts";
import { TlsFront } from "../../helpers/sockets/tls_front.ts";
import { startTunnelDouble } from "../../helpers/sockets/tunnel_double.ts";
import type { TemporaryDirectory } from "../../helpers/temp.ts";
import { FaultServer } from "../../../testing/mod.ts";

/** A name that only our DNS servers and proxies know. */
export const NAME = "files.internal";
const A = 1;

/** What is downloaded, with which options. */
export interface Way {
  readonly url: string;
  readonly options: DownloaderOptions;
  /** Whether this way leads nowhere, so that the download has to fail. */
  readonly isDead?: true;
}

/** Ways to one server, by name, and what its servers and proxies have seen. */
export interface WatchedWays extends AsyncDisposable {
  readonly ways: Readonly<Record<string, Way>>;
  /** What was requested of each, sorted: paths, lines and names. */
  seen(): Readonly<Record<string, readonly string[]>>;
}

/** Starts a server, proxies and DNS servers, and makes a way of each network option. The path of a URL is its way. */
export async function watchWays(dir: TemporaryDirectory): Promise<WatchedWays> {
  const stack = new AsyncDisposableStack();
  const authority = await Authority.make(dir.path, "authority");
  const certificate = await authority.issue("server", { names: `DNS:${NAME}, DNS:localhost, IP:127.0.0.1` });
  const client = await authority.issue("client", { side: "client", names: "DNS:client" });
  const [ca = "", cert = "", key = ""] = await Promise.all(
    [authority.caCert, client.cert, client.key].map((path) => readFile(path, "utf8")),
  );
  const server = stack.use(await FaultServer.start(REACH_FILE));
  const front = stack.use(
    await TlsFront.start(server.url, certificate, { requestCert: true, rejectUnauthorized: false, ca }),
  );
  const { port } = new URL(server.url);
  const securePort = front.host.split(":")[1]!;
  const forwarding = stack.use(await FaultServer.start(REACH_FILE));
  const tunnel = await startTunnelDouble(Number(securePort));
  stack.use(tunnel.talker);
  const tunnelFront = stack.use(await TlsFront.start(`http://${tunnel.talker.host}/`, certificate));
  const socks = await startSocksDouble(() => ({ port: Number(port) }));
  stack.use(socks.talker);
  const names: string[] = [];
  const dns = createSocket("udp4").bind(0, "127.0.0.1");
  stack.defer(() => void dns.close());
  await once(dns, "listening");
  dns.on("message", (question, from) => {
    names.push(readQuestion(question).name);
    dns.send(answerToAll(question), from.port, from.address);
  });
  const doh = stack.use(
    await FaultServer.start({
      size: 0,
      respond: ({ path }) => {
        const question = new URL(path, "https://dns.internal").searchParams.get("dns") ?? "";
        return { status: 200, body: answerToAll(Buffer.from(question, "base64url")) };
      },
    }),
  );
  const dohFront = stack.use(await TlsFront.start(doh.url, certificate));

  const plain = `http://127.0.0.1:${port}`;
  const named = `http://${NAME}:${port}`;
  const secure = `https://localhost:${securePort}`;
  const dead = "127.0.0.1:9";
  const tls = { ca };
  const described: Readonly<Record<string, Way>> = {
    "none": { url: plain, options: {} },
    "http-proxy": { url: named, options: { allProxy: `http://${new URL(forwarding.url).host}` } },
    "http-proxy-tls": { url: secure, options: { allProxy: `http://${tunnel.talker.host}`, tls } },
    "https-proxy": { url: secure, options: { allProxy: `https://${tunnelFront.host}`, tls } },
    "socks5": { url: plain, options: { allProxy: `socks5://${socks.talker.host}` } },
    "socks5h": { url: named, options: { allProxy: `socks5h://${socks.talker.host}` } },
    "dns": { url: named, options: { dnsServers: [`127.0.0.1:${dns.address().port}`] } },
    "doh": { url: named, options: { dohServers: [`https://${dohFront.host}/dns-query`], tls } },
    "resolve": { url: named, options: { resolve: { [`${NAME}:${port}`]: "127.0.0.1" } } },
    "resolve-tls": {
      url: `https://${NAME}:${securePort}`,
      options: { resolve: { [`${NAME}:${securePort}`]: "127.0.0.1" }, tls },
    },
    "no-ipv6": { url: plain.replace("127.0.0.1", "localhost"), options: { enableIpv6: false } },
    "local-address": { url: plain, options: { localAddress: "127.0.0.1" } },
    "ca": { url: secure, options: { tls } },
    "certificate": { url: secure, options: { tls: { ca, cert, key } } },
    "insecure": { url: secure, options: { tls: { insecure: true } } },
    ...Object.fromEntries(
      ["http", "https", "socks5", "socks5h"].map((kind) => [
        `dead-${kind}`,
        { url: plain, options: { allProxy: `${kind}://${dead}` }, isDead: true as const },
      ]),
    ),
    "dead-proxy-80": { url: "http://localhost", options: { allProxy: `http://${dead}` }, isDead: true },
    "dead-proxy-443": { url: "https://localhost", options: { allProxy: `http://${dead}` }, isDead: true },
    "dead-dns": { url: `http://${NAME}`, options: { dnsServers: [dead] }, isDead: true },
    "dead-doh": { url: `http://${NAME}`, options: { dohServers: [`https://${dead}/`] }, isDead: true },
    "dead-resolve": {
      url: `http://${NAME}`,
      options: { resolve: { [`${NAME}:80`]: "127.0.0.9" } },
      isDead: true,
    },
    "dead-resolve-443": {
      url: `https://${NAME}`,
      options: { resolve: { [`${NAME}:443`]: "127.0.0.9" } },
      isDead: true,
    },
  };
  const ways = Object.entries(described).map(([name, way]) =>
    [name, { ...way, url: `${way.url}/${name}` }] as const
  );
  return {
    ways: Object.fromEntries(ways),
    seen: () => ({
      server: server.requests.map(({ path }) => path.slice(1)).sort(),
      proxy: forwarding.requests.map(({ path }) => path),
      tunnels: tunnel.asked,
      socks: socks.requests.map(({ host }) => host),
      dns: [...new Set(names)],
      doh: doh.requests.map(({ headers }) => headers["host"]!).slice(0, 1),
      certificates: front.clients.filter((name) => name !== undefined),
    }),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** What such servers and proxies see where every way was used, and nothing else. */
export function wantedFrom(ways: WatchedWays["ways"]): ReturnType<WatchedWays["seen"]> {
  const live = Object.entries(ways).filter(([, { isDead }]) => !isDead).map(([name]) => name);
  const { host } = new URL(ways["ca"]!.url);
  const { dohServers: [doh = ""] = [] } = ways["doh"]!.options;
  return {
    server: live.filter((name) => name !== "http-proxy").sort(),
    proxy: [ways["http-proxy"]!.url],
    tunnels: Array(2).fill(`CONNECT ${host} HTTP/1.1`),
    socks: ["127.0.0.1", NAME],
    dns: [NAME],
    doh: [new URL(doh).host],
    certificates: ["bytehaul test client"],
  };
}

function answerToAll(question: Uint8Array): Uint8Array {
  const { name, type } = readQuestion(question);
  return answerTo(question, { records: type === A ? [{ owner: name, type, data: [127, 0, 0, 1] }] : [] });
}
