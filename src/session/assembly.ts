import { layOutBlocks, MemoryBudget } from "../flow/memory_budget.ts";
import { PrefixHasher } from "../integrity/prefix_hasher.ts";
import type { PieceMap } from "../plan/piece_map.ts";
import type { ResolvedSpec } from "../options/resolved_options.ts";
import type { Runtime, RuntimeFile } from "../runtime/runtime.ts";
import { Checkpointer } from "../storage/checkpoint.ts";
import { FileWriter } from "../storage/file_writer.ts";
import type { Output } from "../storage/output.ts";
import { storageError } from "../storage/storage_error.ts";
import { WriteBackCache } from "../storage/write_back_cache.ts";
import type { Logger } from "../types.ts";
import type { Progress } from "./progress.ts";
import type { ExpectedChecksum } from "./sources/expected_checksum.ts";
import type { Start } from "./start.ts";

const HASH_BLOCKS = 2;
/** What part of the usual interval the first save comes after: who is killed soon would otherwise begin again. */
const FIRST_INTERVAL = 1 / 8;

type HashedFile = Pick<RuntimeFile, "read" | "close">;

/** What an {@linkcode Assembly} works with. */
export interface AssemblyOptions {
  readonly runtime: Runtime;
  readonly spec: ResolvedSpec;
  readonly log: Logger;
  readonly progress: Progress;
  readonly output: Output;
  readonly start: Start;
  /** What the file must hash to, as far as it is known. */
  readonly expected: ExpectedChecksum | undefined;
  /** Called when a write failed, so that the network can be stopped. */
  readonly onFailure: (error: unknown) => void;
}

/** Turns what arrives into the file: memory, writes, checkpoints and the hash that follows them. */
export class Assembly {
  readonly pool: MemoryBudget;
  readonly cache: WriteBackCache;
  readonly pieces: PieceMap;
  /** Connections that the memory budget can feed. */
  readonly connections: number;
  readonly #options: AssemblyOptions;
  readonly #writer: FileWriter;
  readonly #checkpointer: Checkpointer;
  #isSaved = false;
  #hasher: { readonly prefix: PrefixHasher; readonly file: HashedFile } | undefined;

  private constructor(options: AssemblyOptions, hashedFile: HashedFile | undefined) {
    const { runtime, spec, log, output, start, onFailure } = options;
    const { file, pieces, identity } = start;
    const reserved = hashedFile ? HASH_BLOCKS : 0;
    const layout = layOutBlocks({
      budget: spec.memoryBudget - (output.isPartHeld ? pieces.size : 0),
      connections: spec.maxConnections,
      reserved,
      chunkBytes: runtime.bodyChunkBytes,
      fileSize: pieces.size,
    });
    const path = output.partPath;
    this.#options = options;
    this.pieces = pieces;
    this.connections = layout.connections;
    if (layout.connections < spec.maxConnections) {
      log(
        "info",
        `the memory budget feeds ${layout.connections} of ${spec.maxConnections} connections`,
      );
    }
    this.pool = new MemoryBudget(layout);
    const finalSize = start.remote.size;
    const writer = new FileWriter({ file, path, size: start.fileSize, finalSize, onFailure });
    const cache = new WriteBackCache({
      pool: this.pool,
      writer,
      pieceSize: pieces.pieceSize,
      onWritten: (range) => {
        pieces.add(range, range.crc);
        this.#hasher?.prefix.advance(pieces.frontier);
      },
    });
    const record = () => ({ ...identity, validator: start.version.recorded, ...pieces.snapshot() });
    this.#writer = writer;
    this.cache = cache;
    this.#checkpointer = new Checkpointer({ cache, writer, file, path, store: output.control, record });
    this.#hasher = hashedFile && { prefix: this.#startHashing(hashedFile), file: hashedFile };
  }

  static async open(options: AssemblyOptions): Promise<Assembly> {
    const hashedFile = options.expected && await options.output.openPartToRead();
    return new Assembly(options, hashedFile);
  }

  /** Whether a later run can go on with what is there. */
  get isResumable(): boolean {
    const { size, acceptsRanges } = this.#options.start.remote;
    return size !== undefined && acceptsRanges && this.pieces.doneBytes > 0;
  }

  /** Saves progress from time to time, sooner in the beginning, until `signal` is aborted. */
  async saveRegularly(signal: AbortSignal): Promise<void> {
    const { spec, runtime, progress } = this.#options;
    if (!this.#options.start.remote.acceptsRanges) return;
    // Not what is in the file: a slow connection takes long to fill a block, and saving writes it early.
    let saved = progress.fetched;
    const { controlSaveIntervalMs } = spec;
    for (let part = FIRST_INTERVAL;; part = Math.min(1, part * 2)) {
      await runtime.clock.sleep(controlSaveIntervalMs * part, signal);
      if (progress.fetched === saved) continue;
      saved = progress.fetched;
      await this.#checkpointer.save();
    }
  }

  /** Forgets what has arrived, which must not happen between the two halves of a save. */
  async startOver(): Promise<void> {
    await this.#checkpointer.betweenSaves(async () => {
      await this.cache.flush();
      this.pieces.clear();
      this.#options.progress.discarded();
      await this.#hasher?.prefix.restart();
      await this.#writer.clear();
    });
  }

  /**
   * Makes the whole file durable, so that no later failure costs a byte of it, and returns its size. One that is
   * held in memory becomes durable when it is given its name.
   */
  async complete(): Promise<number> {
    await this.cache.flush();
    if (this.#options.start.remote.size === undefined) this.pieces.endAt(this.pieces.frontier);
    if (this.#options.output.isPartHeld) return this.pieces.size;
    // The control file is also what tells a run that was killed while it gave the name that the file is its own.
    if (this.#options.start.remote.size !== undefined) await this.#saveWhole();
    else await this.#checkpointer.sync();
    await this.#writer.inspect();
    return this.pieces.size;
  }

  /** The digest of the whole file, for which a checksum must have been given. Stops when `signal` is aborted. */
  async digest(size: number, signal: AbortSignal): Promise<string> {
    const hasher = this.#hasher!.prefix;
    const stop = () => void hasher.close();
    signal.addEventListener("abort", stop, { once: true });
    try {
      signal.throwIfAborted();
      const hex = await hasher.finish(size);
      signal.throwIfAborted(); // a hasher on this thread ends early, too, and rejects nothing
      return hex;
    } catch (cause) {
      signal.throwIfAborted();
      throw storageError("read", this.#options.output.partPath, cause);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  /** Keeps what a later run can go on with; removes the rest. */
  async keepOrDiscard(isDiscarded: boolean): Promise<void> {
    await this.cache.flush().catch(() => {}); // what could not be written is fetched again
    if (isDiscarded || !this.isResumable) {
      await this.#options.output.discard();
      this.#options.progress.discarded();
    } else if (!this.#isSaved && this.#options.output.isPartOpen) {
      await this.#checkpointer.save();
    }
  }

  /** Stops reading the file. */
  async close(): Promise<void> {
    const hasher = this.#hasher;
    this.#hasher = undefined;
    await hasher?.prefix.close();
    await hasher?.file.close().catch(() => {}); // it was only read
  }

  /** Only the data must be durable; that this is recorded saves fetching it again. */
  async #saveWhole(): Promise<void> {
    try {
      await this.#checkpointer.save();
      this.#isSaved = true;
    } catch (cause) {
      await this.#checkpointer.sync();
      this.#options.log("warn", `${cause}; going on without, as the file is whole`);
    }
  }

  #startHashing(file: HashedFile): PrefixHasher {
    const { checksum } = this.#options.expected!;
    const buffers = [this.pool.tryTake()!.bytes, this.pool.tryTake()!.bytes] as const;
    const hasher = new PrefixHasher({
      algorithm: checksum.algorithm,
      file,
      buffers,
      onThisThread: this.#options.output.isPartHeld,
      onFallback: (cause) => this.#options.log("debug", `hashing on the main thread: ${cause}`),
    });
    hasher.advance(this.pieces.frontier);
    return hasher;
  }
}
