import { layOutBlocks, MemoryBudget } from "../flow/memory_budget.ts";
import { PrefixHasher } from "../integrity/prefix_hasher.ts";
import { onAbort } from "../lib/on_abort.ts";
import type { PieceMap } from "../plan/piece_map.ts";
import type { ResolvedSpec } from "../options/resolved_options.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { Checkpointer } from "../sink/checkpoint.ts";
import type { Sink } from "../sink/sink.ts";
import { WriteBackCache } from "../sink/write_back_cache.ts";
import type { FileReader } from "../storage/part_file.ts";
import { storageError } from "../storage/storage_error.ts";
import type { Logger } from "../types.ts";
import type { Progress } from "./progress.ts";
import type { ExpectedChecksum } from "./sources/expected_checksum.ts";
import type { Start } from "./start.ts";

const HASH_BLOCKS = 2;
/**
 * The first save comes after this fraction of the usual interval, so that a run that is killed early keeps some
 * progress.
 */
const FIRST_INTERVAL = 1 / 8;

/** Up to this many bytes are hashed on this thread. Starting another thread would take longer. */
const MAX_MAIN_THREAD_BYTES = 1024 * 1024;

/** What an {@linkcode Assembly} works with. */
export interface AssemblyOptions {
  readonly runtime: Runtime;
  readonly spec: ResolvedSpec;
  readonly log: Logger;
  readonly progress: Progress;
  readonly start: Start;
  /** The checksum that the file must have, if one is known. */
  readonly expected: ExpectedChecksum | undefined;
}

/** Brings received bytes into the sink: memory, writes, checkpoints and the hash of the written bytes. */
export class Assembly {
  readonly pool: MemoryBudget;
  readonly cache: WriteBackCache;
  readonly pieces: PieceMap;
  /** Connections for which the memory budget is enough. */
  readonly connections: number;
  readonly #options: AssemblyOptions;
  readonly #sink: Sink;
  readonly #checkpointer: Checkpointer;
  #isSaved = false;
  #hasher: { readonly prefix: PrefixHasher; readonly file: FileReader } | undefined;

  private constructor(options: AssemblyOptions, hashedFile: FileReader | undefined) {
    const { runtime, spec, log, start } = options;
    const { sink, pieces, identity } = start;
    const reserved = hashedFile ? HASH_BLOCKS : 0;
    const layout = layOutBlocks({
      budget: spec.memoryBudget - sink.memoryBytes,
      connections: spec.maxConnections,
      reserved,
      chunkBytes: runtime.bodyChunkBytes,
      fileSize: pieces.size,
    });
    this.#options = options;
    this.#sink = sink;
    this.pieces = pieces;
    this.connections = layout.connections;
    if (layout.connections < spec.maxConnections) {
      log(
        "info",
        `the memory budget is enough for ${layout.connections} of ${spec.maxConnections} connections`,
      );
    }
    this.pool = new MemoryBudget(layout);
    const cache = new WriteBackCache({
      pool: this.pool,
      sink,
      pieceSize: pieces.pieceSize,
      onWritten: (range) => {
        pieces.add(range, range.crc);
        this.#hasher?.prefix.advance(pieces.frontier);
      },
    });
    const claims = () => ({
      file: { ...identity, validator: start.version.recorded },
      progress: { pieceSize: pieces.pieceSize, ...pieces.snapshot() },
    });
    this.cache = cache;
    this.#checkpointer = new Checkpointer({ cache, sink, claims });
    this.#hasher = hashedFile && { prefix: this.#startHashing(hashedFile), file: hashedFile };
  }

  /** Prepares the writing for the transfer from `start`. */
  static async open(options: AssemblyOptions): Promise<Assembly> {
    const hashedFile = options.expected && await options.start.sink.openReader();
    return new Assembly(options, hashedFile);
  }

  /** Why no later run can resume from the received data; `undefined` if one can. */
  get obstacle(): string | undefined {
    const { size, acceptsRanges } = this.#options.start.remote;
    if (!acceptsRanges) return "the server does not send ranges";
    if (size === undefined) return "the server did not send the size of the file";
    return this.pieces.doneBytes > 0 ? undefined : "no data was received";
  }

  /** Saves progress regularly until `signal` is aborted. The first intervals are shorter. */
  async saveRegularly(signal: AbortSignal): Promise<void> {
    const { spec, runtime, progress } = this.#options;
    if (!this.#options.start.remote.acceptsRanges) return;
    // Received bytes count, and not written ones. A slow connection takes long to fill a block, and a save writes
    // the block early.
    let saved = progress.fetched;
    const { controlSaveIntervalMs } = spec;
    for (let part = FIRST_INTERVAL;; part = Math.min(1, part * 2)) {
      await runtime.clock.sleep(controlSaveIntervalMs * part, signal);
      if (progress.fetched === saved) continue;
      saved = progress.fetched;
      await this.#checkpointer.save();
    }
  }

  /** Removes all received bytes, but never while a save runs. */
  async startOver(): Promise<void> {
    await this.#checkpointer.betweenSaves(async () => {
      await this.cache.flush();
      this.pieces.clear();
      this.#options.progress.discarded();
      await this.#hasher?.prefix.restart();
      await this.#sink.clear();
    });
  }

  /** Ends the writing and returns the file's size. No later failure loses bytes of the file. */
  async complete(): Promise<number> {
    await this.cache.flush();
    const hasSize = this.#options.start.remote.size !== undefined;
    if (!hasSize) this.pieces.endAt(this.pieces.frontier);
    // If the program is killed while the file gets its name, the control file also shows that the file is ours.
    await this.#sink.complete(() => hasSize ? this.#saveAll() : this.#checkpointer.sync());
    return this.pieces.size;
  }

  /** The digest of the file. There must be an expected checksum. Stops when `signal` is aborted. */
  async digest(size: number, signal: AbortSignal): Promise<string> {
    const hasher = this.#hasher!.prefix;
    signal.throwIfAborted();
    using _ = onAbort(signal, () => void hasher.close());
    try {
      const hex = await hasher.finish(size);
      signal.throwIfAborted(); // after an abort a hasher on this thread ends early without an error
      return hex;
    } catch (cause) {
      signal.throwIfAborted();
      throw storageError("read", this.#sink.path, cause);
    }
  }

  /** Keeps the data that a later run can resume from, and removes all other data. */
  async keepOrDiscard(isDiscarded: boolean): Promise<void> {
    await this.cache.flush().catch(() => {}); // bytes that could not be written are fetched again
    if (isDiscarded || this.obstacle !== undefined) {
      await this.#sink.discard();
      this.#options.progress.discarded();
    } else if (!this.#isSaved && this.#sink.canSave) {
      await this.#checkpointer.save();
    }
  }

  /** Stops hashing and closes its reader. */
  async close(): Promise<void> {
    const hasher = this.#hasher;
    this.#hasher = undefined;
    await hasher?.prefix.close();
    await hasher?.file.close().catch(() => {}); // it was only read
  }

  /**
   * The data must be durable. If the control file cannot be saved, the data is fetched again only after a later
   * failure.
   */
  async #saveAll(): Promise<void> {
    try {
      await this.#checkpointer.save();
      this.#isSaved = true;
    } catch (cause) {
      await this.#checkpointer.sync();
      this.#options.log("warn", `${cause}; continuing without it, as the file is complete`);
    }
  }

  #startHashing(file: FileReader): PrefixHasher {
    const { checksum } = this.#options.expected!;
    const buffers = [this.pool.tryTake()!.bytes, this.pool.tryTake()!.bytes] as const;
    const hasher = new PrefixHasher({
      algorithm: checksum.algorithm,
      file,
      buffers,
      onThisThread: this.pieces.size <= MAX_MAIN_THREAD_BYTES,
      onFallback: (cause) => this.#options.log("debug", `hashing on the main thread: ${cause}`),
    });
    hasher.advance(this.pieces.frontier);
    return hasher;
  }
}
