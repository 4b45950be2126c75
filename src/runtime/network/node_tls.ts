import type { Duplex } from "node:stream";
import type { ConnectionOptions, TLSSocket } from "node:tls";
import { errorCode } from "../../lib/error_code.ts";
import { joinHostPort } from "../../lib/ip_address.ts";
import { explainFailure } from "../fetch_failure.ts";
import type { HostPort, SecureOptions } from "../runtime.ts";

/** Messages leave out the port that a URL may leave out. */
const HTTPS_PORT = 443;

/** The protocol to agree on (RFC 7301), unless another one is searched for. */
export const DEFAULT_PROTOCOL = "http/1.1";

/** The host of a TLS connection as messages name it. */
export function placeOf({ host, port }: HostPort): string {
  return port === HTTPS_PORT ? host : joinHostPort(host, port);
}

/** Starts TLS over a stream. Nothing else may listen to it. */
export async function startTls(stream: Duplex, to: HostPort, options: SecureOptions): Promise<TLSSocket> {
  const [{ isIP }, { connect, getCACertificates }] = await Promise.all([
    import("node:net"),
    import("node:tls"),
  ]);
  const { host } = to;
  const { ca, identity, isVerified, protocol = DEFAULT_PROTOCOL } = options;
  const settings: ConnectionOptions = {
    host,
    // Only a name may be sent to the server, not an address (RFC 6066, section 3).
    ...(isIP(host) === 0 && { servername: host }),
    // Those of the environment are among the default ones.
    ...(ca.length > 0 && { ca: [...getCACertificates("default"), ...ca] }),
    ...identity,
    rejectUnauthorized: isVerified,
    ALPNProtocols: [protocol],
  };
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  const fail = (error: unknown) => reject(explain(error, placeOf(to)));
  const over = () => reject(closed());
  // Bun reports an early end only here.
  stream.once("end", over).once("close", over).once("error", fail);
  const socket = connect({ ...settings, socket: stream });
  socket.once("error", fail);
  socket.once("close", over);
  socket.once("secureConnect", () => resolve(socket));
  return await promise;
}

/** Translates an error of a TLS connection by its code. */
export function explain(error: unknown, place: string): unknown {
  return errorCode(error) === undefined ? error : explainFailure(error, place);
}

/** The error of a connection that was closed too early. */
export function closed(): Error {
  return new Error("the connection was closed");
}
