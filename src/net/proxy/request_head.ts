import type { ProxyLogin } from "./proxy_login.ts";
import { withoutBrackets } from "../../lib/ip_address.ts";

/** The head of a request to the relay. */
export interface RequestHead {
  /** Host of the request: a name, or an address without brackets. */
  readonly host: string;
  readonly port: number;
  /** The credentials for the relay. */
  readonly authorization: string | undefined;
  /** The head for the origin. */
  readonly forOrigin: Uint8Array;
  /** The head for a proxy that forwards it (RFC 9112, section 3.2.2), with the credentials of `login`. */
  forProxy(login: Pick<ProxyLogin, "fieldFor">): Uint8Array;
}

/** The field for path and query, because a runtime's client may change them in the request line. */
export const TARGET_FIELD = "proxy-target";

/**
 * Reads the head of a request; `undefined` when it is malformed. Its `Host` field names the target. The host
 * in its URL is invented, so that the runtime looks up no name.
 */
export function parseRequestHead(text: string, defaultPort: number): RequestHead | undefined {
  const [requestLine = "", ...lines] = text.trimEnd().split("\r\n");
  const [method = "", target = ""] = requestLine.split(" ");
  const field = (name: string) =>
    lines.find((line) => line.toLowerCase().startsWith(`${name}:`))?.slice(name.length + 1).trim();
  const authority = field("host");
  const url = authority === undefined ? null : URL.parse(`http://${authority}`);
  if (url === null) return undefined;
  const fields = lines.filter((line) => !/^proxy-[a-z]+:/i.test(line));
  const path = field(TARGET_FIELD) ?? target.replace(/^[a-z]+:\/\/[^/?]*/i, "").replace(/^(?!\/)/, "/");
  const encode = (place: string, more: readonly string[]): Uint8Array => {
    const head = [`${method} ${place} HTTP/1.1`, ...fields, ...more, "", ""].join("\r\n");
    return Uint8Array.from(head, (character) => character.charCodeAt(0));
  };
  return {
    host: withoutBrackets(url.hostname),
    // The URL parser removes the default port of http.
    port: Number(/:(\d+)$/.exec(authority!)?.[1] ?? defaultPort),
    authorization: field("proxy-authorization"),
    forOrigin: encode(path, []),
    forProxy: (login) => {
      const place = `http://${authority}${path}`;
      const authorization = login.fieldFor(method, place);
      return encode(place, authorization === undefined ? [] : [`Proxy-Authorization: ${authorization}`]);
    },
  };
}
