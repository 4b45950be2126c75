import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { type Certificate, makeCertificate } from "../sockets/certificate.ts";
import { type Daemon, findProgram, freePort, startDaemonWhen } from "./daemon.ts";

const CANDIDATES = ["nginx", "/usr/sbin/nginx", "/usr/local/sbin/nginx"];
const START_ATTEMPTS = 3;

/** What nginx is to serve, and how. */
export interface NginxOptions {
  /** Directory whose files are served. */
  readonly root: string;
  /** Directory for configuration, certificates and logs; it has to outlive the server. */
  readonly dir: string;
  /**
   * Whether to listen with TLS as well.
   *
   * @default {false}
   */
  readonly tls?: boolean;
  /**
   * Whether to offer HTTP/2 on the TLS port.
   *
   * @default {false}
   */
  readonly http2?: boolean;
  /** What the TLS port shows; one that is made for it otherwise. */
  readonly certificate?: Certificate;
  /** Path of the certificate of the authority whose clients alone the TLS port serves; it serves all otherwise. */
  readonly clientCa?: string;
  /** Bytes a second for each response, as nginx writes it: `500k`, `2m`. */
  readonly limitRate?: string;
  /** Whom it refuses; nobody otherwise. */
  readonly refusals?: NginxRefusals;
  /**
   * Whether responses have an `ETag`.
   *
   * @default {true}
   */
  readonly etag?: boolean;
}

/** Whom nginx refuses, and how. */
export interface NginxRefusals {
  /** Status of the refusal. */
  readonly status: number;
  /** Connections from one address that it serves at a time; the others are refused. */
  readonly connections?: number;
  /** Requests a second from one address that it serves, as nginx writes it: `5r/s`; the others are refused. */
  readonly requests?: string;
}

/** A request in the access log. */
export interface NginxRequest {
  /** Number of the TCP connection. */
  readonly connection: number;
  /** Which request of its connection it was, from 1. */
  readonly connectionRequests: number;
  /** The request line. */
  readonly request: string;
  /** Status of the response. */
  readonly status: number;
  /** Bytes of the body that were sent. */
  readonly bodyBytes: number;
  /** `HTTP/1.1` or `HTTP/2.0`. */
  readonly protocol: string;
  /** The `Range` field; `undefined` without it. */
  readonly range: string | undefined;
  /** The `Host` field; `undefined` without it. */
  readonly host: string | undefined;
  /** The name that was asked for in the TLS handshake; `undefined` without one. */
  readonly serverName: string | undefined;
  /** Where the connection came from. */
  readonly remoteAddress: string;
  /** What became of the client's certificate: `SUCCESS`, `NONE` or `FAILED:` and why; `undefined` without TLS. */
  readonly clientCertificate: string | undefined;
}

/** A running nginx on loopback ports of its own. */
export class NginxServer implements AsyncDisposable {
  /** Scheme, host and port without TLS; append `/name`. */
  readonly origin: string;
  /** The same with TLS, where it was asked for. */
  readonly tlsOrigin: string | undefined;
  /** Path of the certificate of the authority to trust, where TLS was asked for. */
  readonly caCert: string | undefined;
  readonly #daemon: Daemon;
  readonly #dir: string;

  /** Takes over a started process. */
  constructor(daemon: Daemon, dir: string, ports: Ports, caCert: string | undefined) {
    this.origin = `http://127.0.0.1:${ports.plain}`;
    this.tlsOrigin = caCert === undefined ? undefined : `https://127.0.0.1:${ports.tls}`;
    this.caCert = caCert;
    this.#daemon = daemon;
    this.#dir = dir;
  }

  /** The access log. nginx writes a line when a request is over; after {@linkcode NginxServer.stop} all are there. */
  async requests(): Promise<NginxRequest[]> {
    const lines = (await readFile(join(this.#dir, "access.log"), "utf8")).split("\n");
    return lines.filter((line) => line !== "").map(parseLogLine);
  }

  /** Ends the process and waits until it has gone. */
  stop(): Promise<void> {
    return this.#daemon.stop();
  }

  /** Same as {@linkcode NginxServer.stop}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** Starts nginx as the current user; `undefined` where it is not installed. */
export async function startNginx(options: NginxOptions): Promise<NginxServer | undefined> {
  const program = await findNginx();
  if (program === undefined) return undefined;
  const certificate = options.tls ? options.certificate ?? await makeCertificate(options.dir) : undefined;
  for (let attempt = 1;; attempt++) {
    const ports = { plain: await freePort(), tls: await freePort() };
    await writeFile(join(options.dir, "nginx.conf"), formatConfig(options, ports, certificate));
    try {
      const daemon = await start(program, options.dir);
      return new NginxServer(daemon, options.dir, ports, certificate?.caCert);
    } catch (error) {
      // Another process may have taken a port in the meantime; failing again and again is not that.
      if (attempt < START_ATTEMPTS) continue;
      const said = await readFile(join(options.dir, "error.log"), "utf8");
      throw new Error(`Cannot start ${program}: it said ${said.trim()}`, { cause: error });
    }
  }
}

/** The program to run; `undefined` where nginx is not installed. */
export function findNginx(): Promise<string | undefined> {
  return findProgram(CANDIDATES);
}

interface Ports {
  readonly plain: number;
  readonly tls: number;
}

function start(program: string, dir: string): Promise<Daemon> {
  const words = ["-p", dir, "-c", join(dir, "nginx.conf")];
  // It writes its process number once it listens; somebody else may listen on its port.
  const isReady = async (pid: number) =>
    Number(await readFile(join(dir, "nginx.pid"), "utf8").catch(() => "")) === pid;
  return startDaemonWhen(isReady, program, words, join(dir, "error.log"));
}

function formatConfig(options: NginxOptions, ports: Ports, certificate: Certificate | undefined): string {
  const path = (name: string): string => JSON.stringify(join(options.dir, name));
  // Started by root it would otherwise give its files to a user who may not enter the directory.
  const user = process.getuid?.() === 0 ? "user root;" : "";
  const limit = options.limitRate === undefined ? "" : `limit_rate ${options.limitRate};`;
  const etag = options.etag === false ? "etag off;" : "";
  const { status, connections, requests } = options.refusals ?? {};
  const refuseConnections = connections === undefined ? "" : `
  limit_conn_zone $binary_remote_addr zone=connections:1m;
  limit_conn connections ${connections};
  limit_conn_status ${status};`;
  const refuseRequests = requests === undefined ? "" : `
  limit_req_zone $binary_remote_addr zone=requests:1m rate=${requests};
  limit_req zone=requests nodelay;
  limit_req_status ${status};`;
  const verification = options.clientCa === undefined ? "" : `
    ssl_client_certificate ${JSON.stringify(options.clientCa)};
    ssl_verify_client on;`;
  const tls = certificate === undefined ? "" : `
    listen 127.0.0.1:${ports.tls} ssl${options.http2 ? " http2" : ""};
    ssl_certificate ${JSON.stringify(certificate.cert)};
    ssl_certificate_key ${JSON.stringify(certificate.key)};${verification}`;
  return `
${user}
daemon off;
master_process off;
pid ${path("nginx.pid")};
error_log ${path("error.log")};
events { worker_connections 256; }
http {
  client_body_temp_path ${path("body")};
  proxy_temp_path ${path("proxy")};
  fastcgi_temp_path ${path("fastcgi")};
  uwsgi_temp_path ${path("uwsgi")};
  scgi_temp_path ${path("scgi")};
  log_format tabs "$connection\\t$connection_requests\\t$request\\t$status\\t$body_bytes_sent\\t$server_protocol\\t$http_range\\t$http_host\\t$ssl_server_name\\t$remote_addr\\t$ssl_client_verify";
  access_log ${path("access.log")} tabs;
  sendfile on;
  default_type application/octet-stream;
  ${limit}
  ${etag}${refuseConnections}${refuseRequests}
  server {
    root ${JSON.stringify(options.root)};
    listen 127.0.0.1:${ports.plain};${tls}
  }
}
`;
}

function parseLogLine(line: string): NginxRequest {
  const fields = line.split("\t");
  const [connection, connectionRequests, request = "", status, bodyBytes, protocol = ""] = fields;
  const [range, host, serverName, remoteAddress = "", clientCertificate] = fields.slice(6);
  return {
    connection: Number(connection),
    connectionRequests: Number(connectionRequests),
    request,
    status: Number(status),
    bodyBytes: Number(bodyBytes),
    protocol,
    range: unlessEmpty(range),
    host: unlessEmpty(host),
    serverName: unlessEmpty(serverName),
    remoteAddress,
    clientCertificate: unlessEmpty(clientCertificate),
  };
}

/** nginx writes a dash for what is not there. */
function unlessEmpty(field: string | undefined): string | undefined {
  return field === "-" || field === "" ? undefined : field;
}
