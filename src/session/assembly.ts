import { layOutBlocks, MemoryBudget } from "../flow/memory_budget.ts";
import { PrefixHasher } from "../integrity/prefix_hasher.ts";
import type { PieceMap } from "../plan/piece_map.ts";
import type { RuntimeFile } from "../runtime/runtime.ts";
import { Checkpointer } from "../sink/checkpoint.ts";
import { FileWriter } from "../sink/file_writer.ts";
import type { Output } from "../storage/output.ts";
import { storageError } from "../storage/storage_error.ts";
import { WriteBackCache } from "../sink/write_back_cache.ts";
import type { SessionContext } from "./context.ts";
import type { Start } from "./start.ts";

const HASH_BLOCKS = 2;
/** What part of the usual interval the first save comes after: who is killed soon would otherwise begin again. */
const FIRST_INTERVAL = 1 / 8;

type HashedFile = Pick<RuntimeFile, "read" | "close">;

/** Turns what arrives into the file: memory, writes, checkpoints and the hash that follows them. */
export class Assembly {
  readonly pool: MemoryBudget;
  readonly cache: WriteBackCache;
  readonly pieces: PieceMap;
  /** Connections that the memory budget can feed. */
  readonly connections: number;
  readonly #context: SessionContext;
  readonly #output: Output;
  readonly #start: Start;
  readonly #writer: FileWriter;
  readonly #checkpointer: Checkpointer;
  #isSaved = false;
  #hasher: { readonly prefix: PrefixHasher; readonly file: HashedFile } | undefined;

  private constructor(
    context: SessionContext,
    output: Output,
    start: Start,
    hashedFile: HashedFile | undefined,
    onFailure: (error: unknown) => void,
  ) {
    const { spec, runtime } = context;
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
    this.#context = context;
    this.#output = output;
    this.#start = start;
    this.pieces = pieces;
    this.connections = layout.connections;
    if (layout.connections < spec.maxConnections) {
      context.log(
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
    const record = () => ({
      file: { ...identity, validator: start.version.recorded },
      progress: { pieceSize: pieces.pieceSize, ...pieces.snapshot() },
    });
    this.#writer = writer;
    this.cache = cache;
    this.#checkpointer = new Checkpointer({ cache, writer, file, path, store: output.control, record });
    this.#hasher = hashedFile && { prefix: this.#startHashing(hashedFile), file: hashedFile };
  }

  /** `onFailure` is told when a write failed, so that the network can be stopped. */
  static async open(
    context: SessionContext,
    output: Output,
    start: Start,
    onFailure: (error: unknown) => void,
  ): Promise<Assembly> {
    const hashedFile = context.expected && await output.openPartToRead();
    return new Assembly(context, output, start, hashedFile, onFailure);
  }

  /** Whether a later run can go on with what is there. */
  get isResumable(): boolean {
    const { size, acceptsRanges } = this.#start.remote;
    return size !== undefined && acceptsRanges && this.pieces.doneBytes > 0;
  }

  /** Saves progress from time to time, sooner in the beginning, until `signal` is aborted. */
  async saveRegularly(signal: AbortSignal): Promise<void> {
    const { spec, runtime, status: { meter } } = this.#context;
    if (!this.#start.remote.acceptsRanges) return;
    // Not what is in the file: a slow connection takes long to fill a block, and saving writes it early.
    let saved = meter.fetched;
    const { controlSaveIntervalMs } = spec;
    for (let part = FIRST_INTERVAL;; part = Math.min(1, part * 2)) {
      await runtime.clock.sleep(controlSaveIntervalMs * part, signal);
      if (meter.fetched === saved) continue;
      saved = meter.fetched;
      await this.#checkpointer.save();
    }
  }

  /** Forgets what has arrived, which must not happen between the two halves of a save. */
  async startOver(): Promise<void> {
    await this.#checkpointer.betweenSaves(async () => {
      await this.cache.flush();
      this.pieces.clear();
      this.#context.status.meter.restart(0);
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
    if (this.#start.remote.size === undefined) this.pieces.endAt(this.pieces.frontier);
    if (this.#output.isPartHeld) return this.pieces.size;
    // The control file is also what tells a run that was killed while it gave the name that the file is its own.
    if (this.#start.remote.size !== undefined) await this.#saveWhole();
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
      throw storageError("read", this.#output.partPath, cause);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  /** Keeps what a later run can go on with; removes the rest. */
  async keepOrDiscard(isDiscarded: boolean): Promise<void> {
    await this.cache.flush().catch(() => {}); // what could not be written is fetched again
    if (isDiscarded || !this.isResumable) {
      await this.#output.discard();
      this.#context.status.meter.restart(0);
    } else if (!this.#isSaved && this.#output.isPartOpen) {
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
      this.#context.log("warn", `${cause}; going on without, as the file is whole`);
    }
  }

  #startHashing(file: HashedFile): PrefixHasher {
    const { checksum } = this.#context.expected!;
    const buffers = [this.pool.tryTake()!.bytes, this.pool.tryTake()!.bytes] as const;
    const hasher = new PrefixHasher({
      algorithm: checksum.algorithm,
      file,
      buffers,
      onThisThread: this.#output.isPartHeld,
      onFallback: (cause) => this.#context.log("debug", `hashing on the main thread: ${cause}`),
    });
    hasher.advance(this.pieces.frontier);
    return hasher;
  }
}
