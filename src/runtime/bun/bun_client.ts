import process from "node:process";
import { explainFetchFailure } from "../fetch_failure.ts";
import type { HttpClient, HttpClientOptions } from "../runtime.ts";

/** Options of Bun's fetch that are not in the standard. */
interface FetchOptions extends RequestInit {
  readonly decompress: false;
  readonly timeout: false;
  readonly session: FetchSession;
  readonly proxy?: false;
}

/** Settings and connections for some fetches. */
interface FetchSession {
  close(): void;
}

interface FetchSessionOptions {
  readonly tls: {
    readonly ca?: readonly string[];
    readonly cert?: string;
    readonly key?: string;
  };
  readonly proxy: { readonly url: string; readonly respectNoProxy: false } | undefined;
  readonly keepAlive: { readonly idleTimeout: number; readonly maxIdleSockets: number } | false;
}

interface BunGlobal {
  readonly Bun: {
    readonly FetchSession: new (options: FetchSessionOptions) => FetchSession;
  };
}

/** Sends requests with the fetch of Bun. */
export function createHttpClient({ proxy, ...options }: HttpClientOptions): HttpClient {
  const { Bun } = globalThis as unknown as BunGlobal;
  const session = new Bun.FetchSession(sessionOptions({ proxy, ...options }));
  return {
    async get(url, { headers, signal }) {
      const fetchOptions: FetchOptions = {
        headers,
        signal,
        redirect: "manual",
        decompress: false,
        timeout: false,
        session,
        // Otherwise fetch would use a proxy of the environment.
        ...(proxy === undefined && { proxy: false }),
      };
      try {
        return await fetch(url, fetchOptions);
      } catch (error) {
        throw explainFetchFailure(error, url, headers);
      }
    },
    close: () => session.close(),
  };
}

function sessionOptions(options: HttpClientOptions): FetchSessionOptions {
  const { ca, identity, proxy, maxIdlePerHost, idleTimeoutMs } = options;
  return {
    tls: { ...(ca.length > 0 && { ca: [...rootCertificates(), ...ca] }), ...identity },
    proxy: proxy && { url: withCredentials(proxy), respectNoProxy: false },
    keepAlive: maxIdlePerHost > 0 &&
      { idleTimeout: Math.ceil(idleTimeoutMs / 1000), maxIdleSockets: maxIdlePerHost },
  };
}

/** Not an import, because the module takes time to load, and few runs need it. */
function rootCertificates(): readonly string[] {
  return process.getBuiltinModule("node:tls").rootCertificates;
}

function withCredentials({ url, username, password }: NonNullable<HttpClientOptions["proxy"]>): string {
  const full = new URL(url);
  full.username = encodeURIComponent(username);
  full.password = encodeURIComponent(password);
  return full.href;
}
