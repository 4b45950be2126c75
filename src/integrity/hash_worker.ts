import { createHash } from "node:crypto";
import type { Thread } from "../runtime/runtime.ts";
import { startThread } from "../runtime/thread.ts";

/** Computes one digest. Buffers are passed to it and returned, so that no data is copied. */
export interface Hasher {
  /** Adds `bytes` to the digest. Returns the same memory once the caller may reuse it. */
  update(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>;
  /** The digest in hexadecimal. The hasher cannot be used afterwards. */
  digest(): Promise<string>;
  /** Stops immediately. Pending calls reject. */
  close(): void;
}

type Reply = { readonly bytes: Uint8Array<ArrayBuffer> } | { readonly hex: string };

/** The thread failed. Another thread can still do the work. */
export class HashThreadError extends Error {
  /** The name of the class. */
  override readonly name = "HashThreadError";
}

/** Starts a hasher on a new thread or, if no thread can be started, on this one. */
export function createHasher(algorithm: string): Hasher {
  try {
    return new WorkerHasher(algorithm);
  } catch {
    return createLocalHasher(algorithm);
  }
}

/** A hasher on this thread. */
export function createLocalHasher(algorithm: string): Hasher {
  const hash = createHash(algorithm);
  return {
    update: (bytes) => {
      hash.update(bytes);
      return Promise.resolve(bytes);
    },
    digest: () => Promise.resolve(hash.digest("hex")),
    close: () => {},
  };
}

/**
 * The code of the thread. Its source text becomes a module of its own, so it must not use names from outside.
 */
async function hashInWorker(algorithm: string): Promise<void> {
  const { createHash } = await import("node:crypto");
  const scope = globalThis as unknown as {
    onmessage: (event: { data: Uint8Array<ArrayBuffer> | null }) => void;
    postMessage(reply: Reply, transfer?: readonly Transferable[]): void;
  };
  const hash = createHash(algorithm);
  scope.onmessage = ({ data }) => {
    if (data === null) return scope.postMessage({ hex: hash.digest("hex") });
    hash.update(data);
    scope.postMessage({ bytes: data }, [data.buffer]);
  };
}

class WorkerHasher implements Hasher {
  readonly #thread: Thread;
  #pending: PromiseWithResolvers<Reply> | undefined;
  #failure: Error | undefined;

  constructor(algorithm: string) {
    // Queues messages that arrive before the imports of the thread are done.
    const source = `const queue = [];
globalThis.onmessage = (event) => queue.push(event);
await (${hashInWorker})(${JSON.stringify(algorithm)});
for (const event of queue) globalThis.onmessage(event);`;
    this.#thread = startThread<Reply>({
      source,
      name: "bytehaul hash",
      onReply: (reply) => this.#pending?.resolve(reply),
      onFailure: (message) => this.#fail(new HashThreadError(`The hash thread failed: ${message}`)),
    });
  }

  async update(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    const reply = await this.#post(bytes, [bytes.buffer]);
    if (!("bytes" in reply)) throw new Error("The hash thread sent an unexpected reply");
    return reply.bytes;
  }

  async digest(): Promise<string> {
    const reply = await this.#post(null, []);
    this.close();
    if (!("hex" in reply)) throw new Error("The hash thread sent an unexpected reply");
    return reply.hex;
  }

  close(): void {
    this.#thread.end();
    this.#fail(new HashThreadError("The hash thread was stopped"));
  }

  #post(message: Uint8Array<ArrayBuffer> | null, transfer: readonly ArrayBuffer[]): Promise<Reply> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#pending = Promise.withResolvers<Reply>();
    this.#thread.post(message, transfer);
    return this.#pending.promise;
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#pending?.reject(this.#failure);
  }
}
