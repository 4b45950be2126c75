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

/** Whether a proxy forwards requests for `http:` URLs. */
export function isForwarding({ protocol }: ProxyServer): boolean {
  return protocol === "http" || protocol === "https";
}

/** A failure of a proxy. */
export class ProxyError extends DownloadError {
  constructor(proxy: ProxyServer, reason: string, retryable: boolean) {
    const { protocol, host, port } = proxy;
    const message = `Cannot use the proxy ${protocol}://${joinHostPort(host, port)}: ${reason}`;
    super("proxy", message, { retryable, reason });
  }
}

/** The proxy did not connect to the target. Another address of the host may succeed. */
export class TargetRefusal extends ProxyError {}

/** The proxy wants credentials, or others than it got. */
export class LoginRefusal extends ProxyError {
  /** The challenges of the proxy. */
  readonly challenges: string;

  constructor(proxy: ProxyServer, challenges: string) {
    super(proxy, reasonOf(proxy, challenges), false);
    this.challenges = challenges;
  }
}

function reasonOf({ username }: ProxyServer, challenges: string): string {
  const wanted = describeWanted(challenges);
  if (wanted?.endsWith(UNSUPPORTED)) return `it asks for ${wanted} (407)`;
  return username === ""
    ? "it asks for a user name and a password (407)"
    : "it refuses the user name or the password (407)";
}

/**
 * Opens a tunnel through the HTTP proxy at the other end of `connection` (RFC 9110, section 9.3.6). Throws a
 * `DownloadError` when the proxy opens none.
 */
export async function openTunnel(
  connection: Connection,
  proxy: ProxyServer,
  authority: string,
  authorization: string | undefined,
): Promise<void> {
  const lines = [`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`];
  if (authorization !== undefined) lines.push(`Proxy-Authorization: ${authorization}`);
  const head = [...lines, "", ""].join("\r\n");
  await connection.write(Uint8Array.from(head, (character) => character.charCodeAt(0)));
  const answer = await new ByteReader(connection).head(MAX_HEAD_BYTES);
  const status = Number(/^HTTP\/1\.[01] +(\d{3})\b.*\n\r{0,2}\n$/s.exec(answer)?.[1]);
  if (status >= 200 && status < 300) return;
  // Some proxies answer 401 to a wrong password. Before the tunnel is open only the proxy can answer.
  if (status === 401 || status === 407) throw new LoginRefusal(proxy, challengesIn(answer));
  if (Number.isNaN(status)) {
    const reason = answer === "" ? "it closed the connection without an answer" : "its answer makes no sense";
    throw new ProxyError(proxy, reason, true);
  }
  const reason = `it would not connect to ${authority} (${status})`;
  throw new TargetRefusal(proxy, reason, PASSING_STATUS.has(status));
}

/** The challenges in a head; several fields are joined. */
function challengesIn(head: string): string {
  const fields = head.matchAll(/^(?:proxy|www)-authenticate:(.*)$/gim);
  return Array.from(fields, ([, value = ""]) => value.trim()).join(", ");
}
