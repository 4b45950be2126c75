import { OVER } from "../../lib/waiting.ts";
import type { Clock } from "../../runtime/runtime.ts";
import type { Logger } from "../../types.ts";
import { growWhileFaster } from "./growth.ts";
import type { ServerLoad } from "./server_load.ts";

/** `first` continues the first response. The server may refuse a `returning` worker again. */
export type WorkerKind = "first" | "further" | "returning";

/** What a {@linkcode WorkerPool} works with. */
export interface WorkerPoolOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly load: ServerLoad;
  readonly progress: { readonly fetched: number };
  /** How many workers start first. More follow up to the limit of `load`, while they make the transfer faster. */
  readonly connections: number;
  /** Whether a speed limit is set, under which no more connections are added. */
  readonly limit: { readonly isSet: boolean };
  /** Whether there is a lease for another worker. */
  readonly hasWork: () => boolean;
  /** Runs one connection until no lease is left or it is retired. */
  readonly runWorker: (kind: WorkerKind) => Promise<void>;
  /** Aborted with the first failure of a worker, which ends all of them. */
  readonly stop: AbortController;
}

/** The connections of a transfer. Starts them, adds more, lets them return, and ends all of them at a failure. */
export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #runs = new Set<Promise<void>>();

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
  }

  /** Returns once the workers have fetched everything. Rejects with the reason of `stop` when that is aborted. */
  async run(): Promise<void> {
    const { connections, stop: { signal } } = this.#options;
    signal.throwIfAborted();
    this.#start("first");
    for (let count = 1; count < connections; count++) this.#start("further");
    const finished = new AbortController();
    const over = AbortSignal.any([signal, finished.signal]);
    const changes = [this.#grow(over), this.#restoreConnections(over)].map((change) =>
      this.#failWith(change)
    );
    while (this.#runs.size > 0) await Promise.race(this.#runs);
    finished.abort(OVER);
    await Promise.all(changes);
    signal.throwIfAborted();
  }

  #start(kind: WorkerKind): void {
    const { load, runWorker } = this.#options;
    load.addConnection();
    const run = this.#failWith(runWorker(kind)).finally(() => this.#runs.delete(run));
    this.#runs.add(run);
  }

  #failWith(work: Promise<void>): Promise<void> {
    return work.catch((error) => this.#options.stop.abort(error));
  }

  async #grow(signal: AbortSignal): Promise<void> {
    const { clock, log, load, progress, limit, hasWork } = this.#options;
    if (load.room === 0) return;
    await growWhileFaster({
      clock,
      fetched: () => progress.fetched,
      connections: () => load.connections,
      room: () => limit.isSet || !hasWork() ? 0 : load.room,
      add: (count) => {
        for (let added = 0; added < count; added++) this.#start("further");
        log("debug", `${load.connections} connections from now on`);
      },
    }, signal);
  }

  #restoreConnections(signal: AbortSignal): Promise<void> {
    const { load, hasWork } = this.#options;
    return load.restoreConnections(hasWork, () => this.#start("returning"), signal);
  }
}
