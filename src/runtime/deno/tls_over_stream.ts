import { Duplex } from "node:stream";
import { NodeConnection } from "../network/node_connection.ts";
import { placeOf, startTls } from "../network/node_tls.ts";
import type { Connection, HostPort, SecureOptions } from "../runtime.ts";

/** Memory for the reads of a connection. */
const READ_BYTES = 64 * 1024;

/** Starts TLS with `node:tls` on a connection of any kind. */
export async function secureOverStream(
  connection: Connection,
  to: HostPort,
  options: SecureOptions,
): Promise<Connection> {
  const stream = new ConnectionStream(connection);
  const socket = await startTls(stream, to, options);
  // Deno's TLS reads its stream to the end, whether anybody reads from it or not.
  socket.on("pause", () => stream.hold()).on("resume", () => stream.release());
  return new NodeConnection(socket, placeOf(to));
}

/** A connection as a stream. */
class ConnectionStream extends Duplex {
  readonly #connection: Connection;
  #isHeld = false;
  #isWanted = false;

  constructor(connection: Connection) {
    super({ readableHighWaterMark: READ_BYTES });
    this.#connection = connection;
  }

  /** Reads no more from the connection until `release()`. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    if (this.#isWanted) this._read();
  }

  override _read(): void {
    this.#isWanted = this.#isHeld;
    if (this.#isHeld) return;
    const chunk = new Uint8Array(READ_BYTES);
    this.#connection.read(chunk).then(
      (length) => this.push(length === 0 ? null : chunk.subarray(0, length)),
      (error) => this.destroy(error),
    );
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    this.#connection.write(chunk).then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#connection.close();
    done(error);
  }
}
