import { createHash } from "node:crypto";
import process from "node:process";
import { DownloadQueue } from "../../src/queue/download_queue.ts";
// Otherwise the first download in need of one of them would load it from the real disk, and seem to hang meanwhile.
import "../../src/integrity/prefix_hasher.ts";
import "../../src/net/connect/routed_clients.ts";
import "../../src/session/resume_request.ts";
import "../../src/session/sources/fetch_list.ts";
import "../../src/verify/checksum_list_file.ts";
import "../../src/verify/file_check.ts";
import type { DownloadSpec } from "../../src/options/options.ts";
import { resolveDownloaderOptions } from "../../src/options/resolve_options.ts";
import type { Network, Runtime } from "../../src/runtime/runtime.ts";
import type { DownloadResult } from "../../src/types.ts";
import { seededRandom } from "../../testing/content.ts";
import { settle, VirtualClock } from "../helpers/doubles/virtual_clock.ts";
import { type Host, systemError } from "./memory_file.ts";
import type { MemoryFiles } from "./memory_files.ts";
import type { MemoryServer } from "./memory_server.ts";

/** A call of the outside world. */
export interface Call {
  /** The first is 1. */
  readonly number: number;
  readonly name: string;
  readonly path: string;
}

/** What becomes of a call: it fails with a code, or the machine stops there. */
export type Fate = { readonly fail: string } | "stop" | undefined;

/** What to run, and on what. */
export interface RunOptions {
  readonly files: MemoryFiles;
  readonly server: MemoryServer;
  /** Decides how long things take. */
  readonly seed: number;
  readonly spec: Omit<DownloadSpec, "url">;
  readonly decide?: (call: Call) => Fate;
}

/** How a run ended. */
export interface Ending {
  readonly kind: "done" | "failed" | "stopped" | "hung";
  readonly result: DownloadResult | undefined;
  readonly error: unknown;
  readonly calls: readonly Call[];
  readonly elapsedMs: number;
  /** What it left open or unhandled. */
  readonly leaks: readonly string[];
}

/** A run that takes longer hangs: the longest timeout is a minute, and retries are few. */
const PATIENCE_MS = 3_600_000;
/** Turns of the event loop in which nothing happens and nobody sleeps before a run counts as hanging. */
const IDLE_TURNS = 50;

/** Runs one download on a machine in memory. Everything that happens follows from the options. */
export async function runDownload(options: RunOptions): Promise<Ending> {
  using machine = new Machine(options);
  const { files, server, spec } = options;
  const queue = new DownloadQueue(machine.runtime, resolveDownloaderOptions({}));
  const handle = queue.add({ url: server.url, ...spec });
  const work = handle.wait();
  const closed = work.then(() => queue.close(), () => queue.close());
  const ended = await machine.run(closed);
  const { calls, clock } = machine;
  const ending = { calls, elapsedMs: clock.monotonicMs(), result: undefined, error: undefined, leaks: [] };
  if (ended !== "done") return { ...ending, kind: ended };
  const leaks = [
    ...machine.leaks,
    ...(files.openHandles === 0 ? [] : [`${files.openHandles} files open`]),
    ...(files.heldLocks === 0 ? [] : [`${files.heldLocks} locks held`]),
    ...(server.open === 0 ? [] : [`${server.open} responses open`]),
    ...files.misuses.splice(0),
  ];
  return await work.then(
    (result): Ending => ({ ...ending, kind: "done", result, leaks }),
    (error): Ending => ({ ...ending, kind: "failed", error, leaks }),
  );
}

/** One boot of a machine: its clock, and what becomes of each call. While it is there, chance is its own. */
class Machine implements Host, Disposable {
  readonly clock = new VirtualClock();
  readonly calls: Call[] = [];
  readonly runtime: Runtime;
  readonly random: () => number;
  readonly #decide: (call: Call) => Fate;
  readonly #rejections: unknown[] = [];
  readonly #realWorker = globalThis.Worker;
  readonly #realRandom = Math.random;
  #threads = 0;
  #isStopped = false;

  constructor({ files, server, seed, decide = () => undefined }: RunOptions) {
    this.random = seededRandom(seed);
    this.#decide = decide;
    files.host = this;
    this.runtime = {
      name: "node",
      clock: this.clock,
      files,
      network: UNREACHABLE,
      createHttpClient: () => server.createClient(this),
      canFetch: () => true,
      isOwnRefusal: () => false,
      bodyChunkBytes: 0,
      environment: () => undefined,
    };
    Math.random = seededRandom(seed + 1);
    globalThis.Worker = this.#threadClass();
    process.on("unhandledRejection", this.#onRejection);
  }

  get leaks(): string[] {
    return [
      ...(this.clock.sleepers === 0 ? [] : [`${this.clock.sleepers} timers running`]),
      ...(this.#threads === 0 ? [] : [`${this.#threads} threads running`]),
      ...this.#rejections.map((reason) => `unhandled rejection: ${reason}`),
    ];
  }

  wallMs(): number {
    return this.clock.wallMs();
  }

  async enter(name: string, path: string, signal?: AbortSignal): Promise<string | undefined> {
    const fate = this.#next(name, path);
    if (fate === "stop" || this.#isStopped) return await new Promise<never>(() => {});
    await this.clock.sleep((MILLISECONDS[name] ?? 0.1) * (0.5 + this.random()), signal);
    return fate?.fail;
  }

  /** Lets the machine run, and time pass when nothing else can happen, until `work` settles, it is stopped, or it is clear that it hangs. */
  async run(work: Promise<void>): Promise<"done" | "stopped" | "hung"> {
    let isDone = false;
    work.then(() => isDone = true, () => isDone = true);
    for (let idleTurns = 0; idleTurns < IDLE_TURNS;) {
      await settle();
      if (this.#isStopped) return "stopped";
      if (isDone) return await this.#settle();
      if (this.clock.monotonicMs() > PATIENCE_MS) return "hung";
      idleTurns = this.clock.wakeNext() ? 0 : idleTurns + 1;
    }
    return "hung";
  }

  [Symbol.dispose](): void {
    globalThis.Worker = this.#realWorker;
    Math.random = this.#realRandom;
    process.off("unhandledRejection", this.#onRejection);
  }

  readonly #onRejection = (reason: unknown): void => void this.#rejections.push(reason);

  /** Rejections that nobody handles are told of later. */
  async #settle(): Promise<"done"> {
    await settle();
    await settle();
    return "done";
  }

  #next(name: string, path: string): Fate {
    if (this.#isStopped) return "stop";
    const call = { number: this.calls.length + 1, name, path };
    this.calls.push(call);
    const fate = this.#decide(call);
    this.#isStopped = fate === "stop";
    return fate;
  }

  /** Threads that hash with SHA-256 on this one; a call `thread` starts one and a call `hash` sends it a message. */
  #threadClass(): typeof Worker {
    const start = (): void => {
      const fate = this.#next("thread", "");
      if (fate !== undefined) throw systemError("EAGAIN", "thread");
      this.#threads++;
    };
    const end = (): void => void this.#threads--;
    const ask = (): Promise<string | undefined> => this.enter("hash", "");
    return class {
      onmessage: ((event: { data: unknown }) => void) | null = null;
      onerror: ((event: { message: string; preventDefault(): void }) => void) | null = null;
      readonly #hash = createHash("sha256");
      #isEnded = false;

      constructor() {
        start();
      }

      postMessage(message: Uint8Array | null, transfer: Transferable[]): void {
        const data = structuredClone(message, { transfer });
        void ask().then((failure) => {
          if (this.#isEnded) return;
          if (failure !== undefined) return this.onerror?.({ message: failure, preventDefault: () => {} });
          if (data === null) return this.onmessage?.({ data: { hex: this.#hash.digest("hex") } });
          this.#hash.update(data);
          this.onmessage?.({ data: { bytes: data } });
        });
      }

      terminate(): void {
        if (!this.#isEnded) end();
        this.#isEnded = true;
      }
    } as unknown as typeof Worker;
  }
}

/** How long calls take, more or less; a tenth of a millisecond where nothing is said. */
const MILLISECONDS: Readonly<Record<string, number>> = { fetch: 2, body: 1, sync: 1, syncDirectory: 0.5 };

/** A network that only the client's own requests reach. */
const UNREACHABLE: Network = {
  connect: () => Promise.reject(systemError("ENETUNREACH", "connect")),
  exchange: () => Promise.reject(systemError("ENETUNREACH", "exchange")),
  secure: () => Promise.reject(systemError("ENETUNREACH", "secure")),
  lookup: () => Promise.reject(systemError("ENOENT", "lookup")),
  // A connection of ours would be none.
  isUnrestricted: () => false,
  requireUnrestricted: () => {},
  isLocal: () => Promise.resolve(false),
};
