import { DownloadError } from "../errors.ts";
import type { ProxyServer } from "../resolved_options.ts";
import type { Connection } from "../runtime/runtime.ts";
import { ByteReader } from "./byte_reader.ts";

/** The longest answer of a proxy that is read. */
const MAX_HEAD_BYTES = 64 * 1024;
/** What a proxy may say today and not tomorrow. */
const PASSING_STATUS = new Set([429, 500, 502, 503, 504]);

/** How a proxy is named in messages. */
function describeProxy({ protocol, host, port }: ProxyServer): string {
  return `${protocol}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** An error about a proxy. */
export function proxyFailed(proxy: ProxyServer, reason: string, retryable: boolean): DownloadError {
  return new DownloadError("proxy", `Cannot use the proxy ${describeProxy(proxy)}: ${reason}`, { retryable });
}

/** What a proxy is told of its user, `undefined` when there is none (RFC 7617). */
export function basicCredentials({ username, password }: ProxyServer): string | undefined {
  if (username === "") return undefined;
  return `Basic ${new TextEncoder().encode(`${username}:${password}`).toBase64()}`;
}

/** What an answer of a proxy with this status means, `undefined` when it is none of the proxy's own. */
export function refusalOf(proxy: ProxyServer, status: number): DownloadError | undefined {
  if (status !== 407) return undefined;
  const reason = proxy.username === ""
    ? "it asks for a user name and a password (407)"
    : "it refuses the user name or the password (407)";
  return proxyFailed(proxy, reason, false);
}

/**
 * Asks an HTTP proxy at the other end of `connection` for a tunnel (RFC 9110, section 9.3.6), and returns why there is
 * none, `undefined` when there is one. The runtime's own client does not tell.
 */
export async function tryTunnel(
  connection: Connection,
  proxy: ProxyServer,
  authority: string,
): Promise<DownloadError | undefined> {
  const authorization = basicCredentials(proxy);
  const lines = [`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`];
  if (authorization !== undefined) lines.push(`Proxy-Authorization: ${authorization}`);
  await connection.write(new TextEncoder().encode([...lines, "", ""].join("\r\n")));
  const head = await new ByteReader(connection).head(MAX_HEAD_BYTES);
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head ?? "")?.[1]);
  if (Number.isNaN(status)) return proxyFailed(proxy, "it closed the connection without an answer", true);
  if (status >= 200 && status < 300) return undefined;
  // Some answer 401 to a wrong password; nobody but the proxy can mean that here.
  return refusalOf(proxy, status === 401 ? 407 : status) ??
    proxyFailed(proxy, `it would not connect to ${authority} (${status})`, PASSING_STATUS.has(status));
}
