import { spawnSync } from "node:child_process";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { findNginx, type NginxServer, startNginx } from "../tests/helpers/servers/nginx.ts";

/** Settings of a web server. */
export interface WebServerOptions {
  /** Directory whose files are served. */
  readonly root: string;
  /** Directory for configuration and logs. */
  readonly dir: string;
  /** Whether over TLS, and whether HTTP/2 is offered. */
  readonly tls?: { readonly http2: boolean };
}

/** A server of files on this machine. */
export interface WebServer extends AsyncDisposable {
  /** Scheme, host and port; append `/name`. */
  readonly origin: string;
  /** Path of the certificate of the authority to trust, with TLS. */
  readonly caCert: string | undefined;
}

/** The server's name and version, for the report. */
export async function describeWebServer(): Promise<string> {
  const program = await findNginx();
  if (program === undefined) return "the bench's own server, as nginx is not installed";
  const { stderr } = spawnSync(program, ["-v"], { encoding: "utf8" });
  return /nginx\/[\d.]+/.exec(stderr)?.[0] ?? "nginx";
}

/** Starts nginx; without nginx, a server in this process. */
export async function startWebServer({ root, dir, tls }: WebServerOptions): Promise<WebServer> {
  const nginx = await startNginx({ root, dir, tls: tls !== undefined, http2: tls?.http2 ?? false });
  if (nginx !== undefined) return wrap(nginx);
  if (tls !== undefined) {
    throw new Error("Cannot run: nginx is not installed; apt-get install nginx-light");
  }
  return startOwnServer(root);
}

function wrap(nginx: NginxServer): WebServer {
  return {
    origin: nginx.tlsOrigin ?? nginx.origin,
    caCert: nginx.caCert,
    [Symbol.asyncDispose]: () => nginx.stop(),
  };
}

function startOwnServer(root: string): WebServer {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    const path = join(root, new URL(request.url).pathname);
    const { size, mtimeMs } = await stat(path);
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.get("range") ?? "") ?? [];
    const start = Number(first ?? 0);
    const end = last ? Math.min(size, Number(last) + 1) : size;
    const headers = new Headers({
      "accept-ranges": "bytes",
      "content-length": `${end - start}`,
      "etag": `"${size}-${mtimeMs}"`,
    });
    if (first !== undefined) headers.set("content-range", `bytes ${start}-${end - 1}/${size}`);
    return new Response(await readPart(path, start, end), {
      status: first === undefined ? 200 : 206,
      headers,
    });
  });
  return {
    origin: `http://127.0.0.1:${server.addr.port}`,
    caCert: undefined,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

async function readPart(path: string, start: number, end: number): Promise<ReadableStream<Uint8Array>> {
  const file = await Deno.open(path);
  await file.seek(start, Deno.SeekMode.Start);
  let left = end - start;
  return new ReadableStream({
    type: "bytes",
    autoAllocateChunkSize: 256 * 1024,
    async pull(controller) {
      const { byobRequest } = controller;
      const view = byobRequest!.view as Uint8Array<ArrayBuffer>;
      const count = left === 0 ? null : await file.read(view.subarray(0, Math.min(left, view.length)));
      left -= count ?? 0;
      if (count === null) {
        file.close();
        controller.close();
      }
      byobRequest!.respond(count ?? 0);
    },
    cancel: () => file.close(),
  });
}
