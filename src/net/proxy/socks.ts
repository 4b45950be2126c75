import { isTooLongForSocks } from "../../options/proxy.ts";
import type { ProxyServer } from "../../options/resolved_options.ts";
import type { Connection } from "../../runtime/runtime.ts";
import { ByteReader } from "../connect/byte_reader.ts";
import { ProxyError, TargetRefusal } from "./proxy_check.ts";

/** The host and port that a SOCKS proxy connects to. */
export interface SocksTarget {
  /** An IP address as its bytes, or a name that the proxy looks up. */
  readonly host: Uint8Array | string;
  readonly port: number;
}

const VERSION = 5;
const NO_AUTHENTICATION = 0;
const USERNAME_PASSWORD = 2;
const NO_METHOD = 0xff;
const CONNECT = 1;
const ADDRESS_IPV4 = 1;
const ADDRESS_NAME = 3;
const ADDRESS_IPV6 = 4;

const REPLIES: Readonly<Record<number, string>> = {
  1: "general failure",
  2: "not allowed by its rules",
  3: "network unreachable",
  4: "host unreachable",
  5: "the connection was refused",
  6: "TTL expired",
  7: "command not supported",
  8: "address type not supported",
};

/** Throws a `DownloadError` for a host that SOCKS5 cannot express. */
export function requireExpressible(host: SocksTarget["host"], proxy: ProxyServer): void {
  if (typeof host === "string" && isTooLongForSocks(host)) {
    throw new ProxyError(proxy, "SOCKS5 has no host names of more than 255 bytes", false);
  }
}

/**
 * Requests a connection to a target from the SOCKS5 proxy (RFC 1928) at the other end of `connection`, which leads
 * to the target afterwards. Throws a `DownloadError` when the proxy refuses.
 */
export async function openSocks(
  connection: Connection,
  proxy: ProxyServer,
  target: SocksTarget,
): Promise<void> {
  requireExpressible(target.host, proxy);
  const reader = new ByteReader(connection);
  // A proxy without logins takes a connection with credentials too, as in curl.
  const methods = proxy.username === "" ? [NO_AUTHENTICATION] : [USERNAME_PASSWORD, NO_AUTHENTICATION];
  await connection.write(Uint8Array.of(VERSION, methods.length, ...methods));
  const chosen = await reader.take(2);
  if (chosen === undefined) throw new ProxyError(proxy, "it closed the connection", true);
  if (chosen[0] !== VERSION) throw new ProxyError(proxy, "it does not speak SOCKS5", true);
  const [, method = NO_METHOD] = chosen;
  if (!methods.includes(method)) {
    const reason = proxy.username === "" ? "it asks for a user name and a password" : "it takes no user name";
    throw new ProxyError(proxy, reason, false);
  }
  if (method === USERNAME_PASSWORD) {
    await connection.write(authentication(proxy));
    const verdict = await reader.take(2);
    if (verdict === undefined || verdict[1] !== 0) {
      throw new ProxyError(proxy, "it refused the user name or the password", false);
    }
  }
  await connection.write(request(target));
  await readReply(reader, proxy);
}

/** RFC 1929. The options have checked both lengths. */
function authentication({ username, password }: ProxyServer): Uint8Array {
  const [name, secret] = [new TextEncoder().encode(username), new TextEncoder().encode(password)];
  return Uint8Array.of(1, name.length, ...name, secret.length, ...secret);
}

function request({ host, port }: SocksTarget): Uint8Array {
  const address = typeof host === "string" ? new TextEncoder().encode(host) : host;
  const start = typeof host === "string"
    ? [ADDRESS_NAME, address.length]
    : [address.length === 4 ? ADDRESS_IPV4 : ADDRESS_IPV6];
  return Uint8Array.of(VERSION, CONNECT, 0, ...start, ...address, port >> 8, port & 0xff);
}

async function readReply(reader: ByteReader, proxy: ProxyServer): Promise<void> {
  const head = await reader.take(4);
  if (head === undefined) throw new ProxyError(proxy, "it closed the connection", true);
  const [version, reply = 0, , addressType] = head;
  if (version !== VERSION) throw new ProxyError(proxy, "it does not speak SOCKS5", true);
  if (reply !== 0) {
    throw new TargetRefusal(proxy, `it could not connect (${REPLIES[reply] ?? `reply ${reply}`})`, true);
  }
  // The local address of the proxy follows. It is read and ignored.
  const length = addressType === ADDRESS_NAME
    ? (await reader.take(1))?.[0]
    : addressType === ADDRESS_IPV6
    ? 16
    : addressType === ADDRESS_IPV4
    ? 4
    : undefined;
  if (length === undefined || await reader.take(length + 2) === undefined) {
    throw new ProxyError(proxy, "its reply makes no sense", true);
  }
}
