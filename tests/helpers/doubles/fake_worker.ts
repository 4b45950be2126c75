import assert from "node:assert/strict";
import { startNodeThread } from "../../../src/runtime/node/node_thread.ts";
import type { Thread } from "../../../src/runtime/runtime.ts";

type Listener = ((event: never) => void) | null;

/** What a test puts in the place of `Worker`. */
export interface FakeWorkerOptions {
  /** Fail instead of answering this message, counted from 0. */
  readonly failAt?: number;
  /** Throw where a thread is asked for, as where there are none. */
  readonly isMissing?: boolean;
}

/**
 * Puts threads in place of `Worker` that fail when a test wants, until it is disposed of. What they are asked
 * before that they answer as real ones do.
 */
export class FakeWorkers implements Disposable {
  /** Threads that were started and not ended. */
  running = 0;
  started = 0;
  readonly #real = globalThis.Worker as typeof Worker | undefined;

  constructor({ failAt = Infinity, isMissing = false }: FakeWorkerOptions) {
    const workers = this as FakeWorkers;
    const RealWorker = this.#real ?? NodeWorker;
    globalThis.Worker = class {
      onmessage: Listener = null;
      onerror: Listener = null;
      readonly #worker: Worker | NodeWorker;
      #messages = 0;
      #isEnded = false;

      constructor(url: string, options: WorkerOptions) {
        if (isMissing) throw new Error("There are no threads");
        this.#worker = new RealWorker(url, options);
        this.#worker.onmessage = (event: MessageEvent) => this.onmessage?.(event as never);
        workers.started++;
        workers.running++;
      }

      postMessage(message: unknown, transfer: ArrayBuffer[]): void {
        if (this.#messages++ < failAt) return this.#worker.postMessage(message, transfer);
        // What was sent is lost with the thread.
        structuredClone(message, { transfer });
        queueMicrotask(() => this.onerror?.({ message: "out of memory", preventDefault() {} } as never));
      }

      terminate(): void {
        this.#worker.terminate();
        if (!this.#isEnded) workers.running--;
        this.#isEnded = true;
      }
    } as unknown as typeof Worker;
  }

  [Symbol.dispose](): void {
    if (this.#real === undefined) Reflect.deleteProperty(globalThis, "Worker");
    else globalThis.Worker = this.#real;
  }
}

/** A thread of Node, which has no `Worker`, in that shape. */
class NodeWorker {
  onmessage: Listener = null;
  readonly #thread: Thread;

  constructor(url: string, { name = "" }: WorkerOptions) {
    this.#thread = startNodeThread({
      source: decodeURIComponent(url.slice(url.indexOf(",") + 1)),
      name,
      onReply: (data) => this.onmessage?.({ data } as never),
      onFailure: (message) => assert.fail(message),
    });
  }

  postMessage(message: unknown, transfer: ArrayBuffer[]): void {
    this.#thread.post(message, transfer);
  }

  terminate(): void {
    this.#thread.end();
  }
}
