import type { HttpConnection } from "./http_connection.ts";

/** Limits of a pool. */
export interface IdlePoolOptions {
  readonly maxIdlePerHost: number;
  readonly idleTimeoutMs: number;
}

/** Connections that wait for the next request to the same place. */
export class IdlePool {
  readonly #options: IdlePoolOptions;
  readonly #idle = new Map<string, HttpConnection[]>();
  #isClosed = false;

  constructor(options: IdlePoolOptions) {
    this.#options = options;
  }

  /** Whether connections are kept at all. */
  get isKeeping(): boolean {
    return this.#options.maxIdlePerHost > 0 && !this.#isClosed;
  }

  /** The connection that was used last; `undefined` when there is none. */
  take(place: string): HttpConnection | undefined {
    const connection = this.#idle.get(place)?.at(-1);
    if (connection === undefined) return undefined;
    this.#remove(place, connection);
    connection.wake();
    return connection;
  }

  /** Keeps a connection, or closes it when there are enough. */
  put(place: string, connection: HttpConnection): void {
    const idle = this.#idle.get(place) ?? [];
    if (!this.isKeeping || idle.length >= this.#options.maxIdlePerHost) return connection.close();
    this.#idle.set(place, [...idle, connection]);
    connection.rest(this.#options.idleTimeoutMs, () => {
      if (this.#remove(place, connection)) connection.close();
    });
  }

  /** Closes all connections in the pool. */
  closeIdle(): void {
    for (const connection of [...this.#idle.values()].flat()) connection.close();
    this.#idle.clear();
  }

  /** Closes all connections in the pool, and keeps none from now on. */
  close(): void {
    this.#isClosed = true;
    this.closeIdle();
  }

  /** Returns whether the connection was in the pool. */
  #remove(place: string, connection: HttpConnection): boolean {
    const idle = this.#idle.get(place);
    if (!idle?.includes(connection)) return false;
    const others = idle.filter((other) => other !== connection);
    if (others.length > 0) this.#idle.set(place, others);
    else this.#idle.delete(place);
    return true;
  }
}
