import { DownloadError } from "../../errors.ts";
import type { ProxyServer } from "../../options/resolved_options.ts";
import type { Connection } from "../../runtime/runtime.ts";
import { describeWanted, UNSUPPORTED } from "../../auth/wanted_login.ts";
import { ByteReader } from "../connect/byte_reader.ts";
import { joinHostPort } from "../../lib/ip_address.ts";

/** Longest head of an answer of a proxy. */
const MAX_HEAD_BYTES = 64 * 1024;
/** Temporary failures of a proxy. */
const PASSING_STATUS = new Set([429, 500, 502, 503, 504]);

/** The name of a proxy in messages. */
function describeProxy({ protocol, host, port }: ProxyServer): string {
  return `${protocol}://${joinHostPort(host, port)}`;
}

/** An error about a proxy. */
export function proxyFailed(proxy: ProxyServer, reason: string, retryable: boolean): DownloadError {
  const message = `Cannot use the proxy ${describeProxy(proxy)}: ${reason}`;
  return new DownloadError("proxy", message, { retryable, reason });
}

/**
 * The refusal that a status means; `undefined` when it is not a refusal of the proxy itself. `challenges` is
 * the field `Proxy-Authenticate`.
 */
export function refusalOf(
  proxy: ProxyServer,
  status: number,
  challenges: string | null,
): DownloadError | undefined {
  if (status !== 407) return undefined;
  const wanted = describeWanted(challenges);
  if (wanted?.endsWith(UNSUPPORTED)) return proxyFailed(proxy, `it asks for ${wanted} (407)`, false);
  const reason = proxy.username === ""
    ? "it asks for a user name and a password (407)"
    : "it refuses the user name or the password (407)";
  return proxyFailed(proxy, reason, false);
}

/** Why there is no tunnel. */
export interface TunnelRefusal {
  readonly error: DownloadError;
  /** The challenges of the proxy, if it wants credentials. */
  readonly challenges: string | undefined;
}

/**
 * Requests a tunnel from the HTTP proxy at the other end of `connection` (RFC 9110, section 9.3.6). Returns
 * the refusal, or `undefined` when the tunnel is open. The runtime's own client does not report the reason.
 */
export async function tryTunnel(
  connection: Connection,
  proxy: ProxyServer,
  authority: string,
  authorization: string | undefined,
): Promise<TunnelRefusal | undefined> {
  const lines = [`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`];
  if (authorization !== undefined) lines.push(`Proxy-Authorization: ${authorization}`);
  const head = [...lines, "", ""].join("\r\n");
  await connection.write(Uint8Array.from(head, (character) => character.charCodeAt(0)));
  const answer = await new ByteReader(connection).head(MAX_HEAD_BYTES) ?? "";
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(answer)?.[1]);
  const refuse = (reason: string, retryable: boolean): TunnelRefusal => ({
    error: proxyFailed(proxy, reason, retryable),
    challenges: undefined,
  });
  if (Number.isNaN(status)) return refuse("it closed the connection without an answer", true);
  if (status >= 200 && status < 300) return undefined;
  const challenges = challengesIn(answer);
  // Some proxies answer 401 to a wrong password. Before the tunnel is open only the proxy can answer.
  const error = refusalOf(proxy, status === 401 ? 407 : status, challenges);
  if (error !== undefined) return { error, challenges };
  return refuse(`it would not connect to ${authority} (${status})`, PASSING_STATUS.has(status));
}

/** The challenges in a head; several fields are joined. */
function challengesIn(head: string): string {
  const fields = head.matchAll(/^(?:proxy|www)-authenticate:(.*)$/gim);
  return Array.from(fields, ([, value = ""]) => value.trim()).join(", ");
}
