import type { Connection } from "../../runtime/runtime.ts";
import { ByteReader } from "../connect/byte_reader.ts";
import { isTooLongForSocks } from "../../options/proxy.ts";

/** The host and port that a SOCKS proxy connects to. */
export interface SocksTarget {
  /** An IP address as its bytes, or a name that the proxy looks up. */
  readonly host: Uint8Array | string;
  readonly port: number;
}

/** Credentials for a proxy. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** Why a proxy opened no connection. */
export interface SocksRefusal {
  readonly reason: string;
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;
  /** Whether the target caused the refusal, so that another address of the host may succeed. */
  readonly isOfTarget: boolean;
}

const VERSION = 5;
const NO_AUTHENTICATION = 0;
const USERNAME_PASSWORD = 2;
const CONNECT = 1;
const ADDRESS_IPV4 = 1;
const ADDRESS_NAME = 3;
const ADDRESS_IPV6 = 4;

const REPLIES: Readonly<Record<number, string>> = {
  1: "general failure",
  2: "not allowed by its rules",
  3: "network unreachable",
  4: "host unreachable",
  5: "connection refused",
  6: "TTL expired",
  7: "command not supported",
  8: "address type not supported",
};

/** Why SOCKS cannot express a target; `undefined` when it can. */
export function refuseTarget({ host }: SocksTarget): SocksRefusal | undefined {
  if (typeof host !== "string" || !isTooLongForSocks(host)) return undefined;
  return final("SOCKS5 has no host names of more than 255 bytes");
}

/**
 * Requests a connection to a target from the SOCKS5 proxy (RFC 1928) at the other end of `connection`.
 * Returns the reason of a refusal, or `undefined` when `connection` now leads to the target.
 */
export async function openSocks(
  connection: Connection,
  target: SocksTarget,
  credentials: Credentials | undefined,
): Promise<SocksRefusal | undefined> {
  const unsayable = refuseTarget(target);
  if (unsayable !== undefined) return unsayable;
  if (credentials !== undefined && [credentials.username, credentials.password].some(isTooLongForSocks)) {
    return final("SOCKS5 has no user names and passwords of more than 255 bytes");
  }
  const reader = new ByteReader(connection);
  const method = credentials === undefined ? NO_AUTHENTICATION : USERNAME_PASSWORD;
  await connection.write(Uint8Array.of(VERSION, 1, method));
  const chosen = await reader.take(2);
  if (chosen === undefined) return passing("it closed the connection");
  if (chosen[0] !== VERSION) return passing("it does not speak SOCKS5");
  if (chosen[1] !== method) {
    return final(
      credentials === undefined ? "it asks for a user name and a password" : "it takes no user name",
    );
  }
  if (credentials !== undefined) {
    await connection.write(authentication(credentials));
    const verdict = await reader.take(2);
    if (verdict === undefined || verdict[1] !== 0) return final("it refused the user name or the password");
  }
  await connection.write(request(target));
  return await readReply(reader);
}

/** RFC 1929. */
function authentication({ username, password }: Credentials): Uint8Array {
  const [name, secret] = [username, password].map((text) => new TextEncoder().encode(text)) as [
    Uint8Array,
    Uint8Array,
  ];
  return Uint8Array.of(1, name.length, ...name, secret.length, ...secret);
}

function request({ host, port }: SocksTarget): Uint8Array {
  const address = typeof host === "string" ? new TextEncoder().encode(host) : host;
  const start = typeof host === "string"
    ? [ADDRESS_NAME, address.length]
    : [address.length === 4 ? ADDRESS_IPV4 : ADDRESS_IPV6];
  return Uint8Array.of(VERSION, CONNECT, 0, ...start, ...address, port >> 8, port & 0xff);
}

async function readReply(reader: ByteReader): Promise<SocksRefusal | undefined> {
  const head = await reader.take(4);
  if (head === undefined) return passing("it closed the connection");
  if (head[0] !== VERSION) return passing("it does not speak SOCKS5");
  if (head[1] !== 0) {
    const reason = `it could not connect (${REPLIES[head[1]!] ?? `reply ${head[1]}`})`;
    return { reason, retryable: true, isOfTarget: true };
  }
  // The local address of the proxy follows. It is read and ignored.
  const length = head[3] === ADDRESS_NAME
    ? (await reader.take(1))?.[0]
    : head[3] === ADDRESS_IPV6
    ? 16
    : head[3] === ADDRESS_IPV4
    ? 4
    : undefined;
  if (length === undefined || await reader.take(length + 2) === undefined) {
    return passing("its reply makes no sense");
  }
  return undefined;
}

function passing(reason: string): SocksRefusal {
  return { reason, retryable: true, isOfTarget: false };
}

function final(reason: string): SocksRefusal {
  return { reason, retryable: false, isOfTarget: false };
}
