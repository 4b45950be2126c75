import { PermissionError } from "../../errors.ts";
import { placeOf } from "../network/node_tls.ts";
import type { Connection, HostPort, Network, SecureOptions } from "../runtime.ts";
import { mayKnow, mayReadVariable } from "./deno_access.ts";
import { DenoConnection } from "./deno_connection.ts";

/** Read by `node:tls`: whether the authorities of the system are trusted. */
const CA_VARIABLE = "NODE_USE_SYSTEM_CA";

/** Servers whose certificate only `node:tls` takes. */
const odd = new Set<string>();
/** Servers that did not finish the last handshake. Deno keeps such a connection open until the server closes it. */
const silent = new Set<string>();

/**
 * Starts TLS on a connection to a host. Deno's own TLS is fast, fills the memory of the caller, and shows whether
 * the other side ended it. `node:tls` does everything else.
 */
export const secure: Network["secure"] = async (open, to, options) => {
  const place = placeOf(to);
  const connection = await open();
  if (connection instanceof DenoConnection && canUseOwn(connection, place, options)) {
    try {
      await connection.secure(to, options.ca);
      return connection;
    } catch (error) {
      if (connection.isClosed) silent.add(place);
      if (!(error instanceof Deno.errors.InvalidData)) throw error;
      connection.close();
    }
    // `node:tls` takes a certificate that is its own authority, and has a code for the reason of a failure.
    const second = await secureWithNode(await open(), to, options);
    odd.add(place);
    return second;
  }
  const secured = await secureWithNode(connection, to, options);
  silent.delete(place);
  return secured;
};

function canUseOwn(
  connection: DenoConnection,
  place: string,
  { isVerified, identity, protocol }: SecureOptions,
): boolean {
  const isPossible = connection.isPlain && isVerified && (identity ?? protocol) === undefined;
  return isPossible && !odd.has(place) && !silent.has(place);
}

async function secureWithNode(
  connection: Connection,
  to: HostPort,
  options: SecureOptions,
): Promise<Connection> {
  // `node:tls` reads those of the runtime, because others are to be trusted in addition to them.
  const missing = mayKnow("ca")
    ? mayReadVariable(CA_VARIABLE) ? undefined : `--allow-env=${CA_VARIABLE}`
    : "--allow-sys";
  if (options.ca.length > 0 && missing !== undefined) {
    connection.close();
    const reason = `Deno hides the authorities that it trusts, which tls.ca adds to; run it with ${missing}`;
    throw new PermissionError(`Cannot reach ${placeOf(to)}: ${reason}`, reason);
  }
  const { secureOverStream } = await import("./tls_over_stream.ts");
  return await secureOverStream(connection, to, options);
}
