// Only until Node has connections of its own: this client ignores the proxy.
import { Agent, get as getPlain, type IncomingMessage } from "node:http";
import { Agent as SecureAgent, get as getSecure } from "node:https";
import { Readable } from "node:stream";
import process from "node:process";
import { explainFetchFailure } from "../fetch_failure.ts";
import type { HttpClient, HttpClientOptions } from "../runtime.ts";

/** Sends requests with the agents of Node. */
export function createHttpClient(
  { ca, identity, maxIdlePerHost, idleTimeoutMs }: HttpClientOptions,
): HttpClient {
  const idle = {
    keepAlive: maxIdlePerHost > 0,
    maxFreeSockets: Math.max(1, maxIdlePerHost),
    timeout: idleTimeoutMs,
  };
  const tls = { ...(ca.length > 0 && { ca: [...roots(), ...ca] }), ...identity };
  const agent = new Agent(idle);
  const secureAgent = new SecureAgent({ ...idle, ...tls });
  return {
    async get(url, { headers, signal }) {
      const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
      const options = { headers: Object.fromEntries(headers), signal };
      const request = url.startsWith("https:")
        ? getSecure(url, { ...options, agent: secureAgent }, resolve)
        : getPlain(url, { ...options, agent }, resolve);
      request.on("error", reject);
      try {
        const response = await promise;
        const status = response.statusCode ?? 0;
        const hasBody = ![204, 205, 304].includes(status);
        if (!hasBody) response.resume();
        response.on("error", () => {}); // its reader hears of it
        signal.addEventListener("abort", () => response.destroy(signal.reason as Error), { once: true });
        const body = hasBody ? Readable.toWeb(response) as ReadableStream<Uint8Array<ArrayBuffer>> : null;
        return new Response(body, { status, headers: fieldsOf(response) });
      } catch (error) {
        throw signal.aborted ? signal.reason : explainFetchFailure(error, url, headers);
      }
    },
    close() {
      for (const { freeSockets } of [agent, secureAgent]) {
        for (const socket of Object.values(freeSockets).flat()) socket?.destroy();
      }
    },
  };
}

function fieldsOf({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers();
  for (let at = 0; at < rawHeaders.length; at += 2) headers.append(rawHeaders[at]!, rawHeaders[at + 1]!);
  return headers;
}

function roots(): readonly string[] {
  return process.getBuiltinModule("node:tls").rootCertificates;
}
