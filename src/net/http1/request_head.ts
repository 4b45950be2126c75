import { withoutBrackets } from "../../lib/ip_address.ts";

/** Where a request goes. */
export interface RequestTarget {
  /** Host of the URL with its port, if that is not the default one. */
  readonly authority: string;
  /** A name, or an address without brackets. */
  readonly host: string;
  readonly port: number;
  /** Path and query, as given. */
  readonly path: string;
  /** The URL for a proxy that forwards the request (RFC 9112, section 3.2.2). */
  readonly absolute: string;
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { "http:": 80, "https:": 443 };

/** The target of a request for a URL. */
export function targetOf(url: string): RequestTarget {
  const { protocol, host, hostname, port } = new URL(url);
  const full = new URL(url);
  full.hash = "";
  const path = full.href.slice(full.href.indexOf("/", `${protocol}//`.length));
  return {
    authority: host,
    host: withoutBrackets(hostname),
    port: Number(port || DEFAULT_PORTS[protocol]),
    path,
    absolute: `${protocol}//${host}${path}`,
  };
}

/** The head of a GET request. Each character of a field is one byte. */
export function requestHead(place: string, fields: Iterable<readonly [string, string]>): Uint8Array {
  const lines = Array.from(fields, ([name, value]) => `${capitalized(name)}: ${value}`);
  const text = [`GET ${place} HTTP/1.1`, ...lines, "", ""].join("\r\n");
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** `Headers` has names in lower case, which some servers do not know. */
function capitalized(name: string): string {
  return name.replace(/(?<=^|-)[a-z]/g, (letter) => letter.toUpperCase());
}
