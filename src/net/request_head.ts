/** The head of a request to a proxy (RFC 9112, section 3.2). */
export interface RequestHead {
  readonly method: string;
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
  /** What is said for the proxy. */
  readonly authorization: string | undefined;
  /** The head as the origin is to see it. */
  readonly forOrigin: Uint8Array;
  /** The head as another proxy is to see it. */
  forProxy(authorization: string | undefined): Uint8Array;
}

const HTTP_PORT = 80;

/** Reads the head of a request that names its target; `undefined` when it does not. */
export function parseRequestHead(text: string): RequestHead | undefined {
  const [requestLine = "", ...lines] = text.trimEnd().split("\r\n");
  const [method = "", target = ""] = requestLine.split(" ");
  const url = URL.parse(method === "CONNECT" ? `connect://${target}` : target);
  if (url === null || url.hostname === "") return undefined;
  const fields = lines.filter((line) => !/^proxy-[a-z]+:/i.test(line));
  const encode = (place: string, more: readonly string[]): Uint8Array => {
    const head = [`${method} ${place} HTTP/1.1`, ...fields, ...more, "", ""].join("\r\n");
    return Uint8Array.from(head, (character) => character.charCodeAt(0));
  };
  const path = target.replace(/^[a-z]+:\/\/[^/?]*/i, "");
  return {
    method,
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: Number(url.port || HTTP_PORT),
    authorization: lines.find((line) => /^proxy-authorization:/i.test(line))?.replace(/^[^:]*:\s*/, ""),
    forOrigin: encode(path.startsWith("/") ? path : `/${path}`, []),
    forProxy: (authorization) =>
      encode(target, authorization === undefined ? [] : [`Proxy-Authorization: ${authorization}`]),
  };
}
