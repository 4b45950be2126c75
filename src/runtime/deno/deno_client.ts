import { DownloadError } from "../../errors.ts";
import { systemClock } from "../clock.ts";
import { explainFetchFailure } from "../fetch_failure.ts";
import type { HttpClient, HttpClientOptions } from "../runtime.ts";
import { mayReadVariable } from "./deno_access.ts";
import { requireHost } from "./deno_network.ts";

/** Later replacements of the global function may change the request. */
const { fetch } = globalThis;

/** Ports that fetch refuses to ask, although nothing may be wrong with them (Fetch standard, section 2.9). */
const BLOCKED_PORTS = new Set(
  `0 1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 111 113 115 117 119 123
  135 137 139 143 161 179 389 427 465 512 513 514 515 526 530 531 532 540 548 554 556 563 587 601 636 989 990 993
  995 1719 1720 1723 2049 3659 4045 4190 5060 5061 6000 6566 6665 6666 6667 6668 6669 6679 6697
  10080`.split(/\s+/),
);

/** Variables with proxies that fetch obeys. */
const PROXY_VARIABLES = ["http_proxy", "https_proxy", "all_proxy"].flatMap((
  name,
) => [name, name.toUpperCase()]);

/** Whether fetch sends a request for this URL, and not to a proxy of the environment that this program cannot see. */
export function canFetch({ port }: URL, isDirect: boolean): boolean {
  return !BLOCKED_PORTS.has(port) && (!isDirect || PROXY_VARIABLES.every(mayReadVariable));
}

/**
 * Deno takes at most 100 fields in a response, none that is folded, and no certificate that is its own authority. What
 * it throws is a `TypeError`; any other error is of a fetch that was replaced before this module was loaded.
 */
export function isOwnRefusal(error: unknown): boolean {
  if (!(error instanceof DownloadError)) return !(error instanceof TypeError);
  return error.code === "bad_response" || /\bCaUsedAsEndEntity\b/.test(error.reason);
}

/** A client on Deno's fetch. */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const { maxIdlePerHost, idleTimeoutMs, ca, identity } = options;
  const client = Deno.createHttpClient({
    http2: false,
    poolMaxIdlePerHost: maxIdlePerHost,
    poolIdleTimeout: idleTimeoutMs,
    caCerts: [...ca],
    ...identity,
  });
  let isOpen = true;
  return {
    async get(url, { headers, signal }) {
      requireHost(new URL(url));
      // A finished connection returns to the pool only after a turn of the event loop.
      await systemClock.sleep(0, signal);
      try {
        return await fetch(url, { client, headers, signal, redirect: "manual" });
      } catch (error) {
        throw explainFetchFailure(error, url);
      }
    },
    close() {
      if (isOpen) client.close();
      isOpen = false;
    },
  };
}
