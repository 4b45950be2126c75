import type { ProxyLogin } from "./proxy_login.ts";
import { withoutBrackets } from "../../lib/ip_address.ts";

/** The head of a request to the relay. */
export interface RequestHead {
  /** Where it is to go; a name, or an address without brackets. */
  readonly host: string;
  readonly port: number;
  /** What is said for the relay. */
  readonly authorization: string | undefined;
  /** The head as the origin is to see it. */
  readonly forOrigin: Uint8Array;
  /** The head as a proxy that forwards it is to see it (RFC 9112, section 3.2.2), which `login` says who we are. */
  forProxy(login: Pick<ProxyLogin, "fieldFor">): Uint8Array;
}

/** Path and query, where a runtime's client may send other ones than it was given. */
export const TARGET_FIELD = "proxy-target";

/**
 * Reads the head of a request, which goes where its `Host` says. The URL in it has a made-up host, so that nobody looks
 * up a name on the way to the relay. `undefined` when it is none.
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
    // The parser hides a port that is the default of http.
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
