import { layOutBlocks, MemoryBudget } from "../flow/memory_budget.ts";
import type { PrefixHasher, PrefixHasherOptions } from "../integrity/prefix_hasher.ts";
import { onAbort } from "../lib/on_abort.ts";
import type { PieceMap } from "../plan/piece_map.ts";
import type { ResolvedSpec } from "../options/resolved_options.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Sink } from "../sink/sink.ts";
import { WriteBackCache } from "../sink/write_back_cache.ts";
import type { FileReader } from "../storage/part_file.ts";
import { storageError } from "../storage/storage_error.ts";
import type { Logger } from "../types.ts";
import type { Progress } from "./progress.ts";
import { ProgressSaver } from "./progress_saver.ts";
import { reportProof } from "./resume.ts";
import type { ExpectedChecksum } from "./sources/expected_checksum.ts";
import type { Start } from "./start.ts";
import type { OpenClaims } from "./transfer/background_proof.ts";
import type { Proof, ProofReports } from "./transfer/proof.ts";

const HASH_BLOCKS = 2;
const PROOF_BLOCKS = 1;
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

/** Readers of the part file. */
interface OpenReaders {
  /** For its checksum. */
  readonly hashed: FileReader | undefined;
  /** For claims of an earlier run. */
  readonly proved: FileReader | undefined;
}

/** Brings received bytes into the sink: memory, writes, checkpoints and the hash of the written bytes. */
export class Assembly {
  readonly pool: MemoryBudget;
  readonly cache: WriteBackCache;
  readonly pieces: PieceMap;
  /** Connections for which the memory budget is enough. */
  readonly connections: number;
  /** Claims of an earlier run that the transfer must check. */
  readonly openClaims: OpenClaims | undefined;
  readonly #options: AssemblyOptions;
  readonly #sink: Sink;
  readonly #saver: ProgressSaver;
  #provedFile: FileReader | undefined;
  #resumedBytes: number;
  #isSaved = false;
  #hasher: { readonly prefix: PrefixHasher; readonly file: FileReader } | undefined;

  private constructor(options: AssemblyOptions, { hashed, proved }: OpenReaders) {
    const { runtime, spec, log, start } = options;
    const { sink, pieces, proof } = start;
    const layout = layOutBlocks({
      budget: spec.memoryBudget - sink.memoryBytes,
      connections: spec.maxConnections,
      reserved: (hashed ? HASH_BLOCKS : 0) + (proved ? PROOF_BLOCKS : 0),
      chunkBytes: runtime.bodyChunkBytes,
      fileSize: pieces.size,
    });
    this.#options = options;
    this.#sink = sink;
    this.pieces = pieces;
    this.#resumedBytes = pieces.doneBytes;
    this.connections = layout.connections;
    if (layout.connections < spec.maxConnections) {
      log(
        "info",
        `the memory budget is enough for ${layout.connections} of ${spec.maxConnections} connections`,
      );
    }
    this.pool = new MemoryBudget(layout);
    this.cache = new WriteBackCache({
      pool: this.pool,
      sink,
      pieceSize: pieces.pieceSize,
      onWritten: (range) => {
        pieces.add(range, range.crc);
        this.#saver.add(range);
        this.#hasher?.prefix.advance(pieces.frontier);
      },
    });
    this.#saver = new ProgressSaver({ ...options, cache: this.cache, pieces });
    this.#provedFile = proved;
    this.openClaims = proof && proved && this.#openClaims(proof, proved);
  }

  /** Prepares the writing for the transfer from `start`. */
  static async open(options: AssemblyOptions): Promise<Assembly> {
    const { expected, start: { sink, proof } } = options;
    const hashed = expected && await sink.openReader();
    let proved: FileReader | undefined;
    try {
      proved = proof && await sink.openReader();
      const assembly = new Assembly(options, { hashed, proved });
      if (expected !== undefined && hashed !== undefined) {
        // Loaded here, because most runs of the command have no checksum.
        const { PrefixHasher } = await import("../integrity/prefix_hasher.ts");
        const prefix = new PrefixHasher(assembly.#hashingOf(hashed, expected));
        prefix.advance(assembly.pieces.frontier);
        assembly.#hasher = { prefix, file: hashed };
      }
      return assembly;
    } catch (error) {
      for (const file of [hashed, proved]) await file?.close().catch(() => {}); // the failure that counts is `error`
      throw error;
    }
  }

  /** Why no later run can resume from the received data; `undefined` if one can. */
  get obstacle(): string | undefined {
    const { size, acceptsRanges } = this.#options.start.remote;
    if (!acceptsRanges) return "the server does not send ranges";
    if (size === undefined) return "the server did not send the size of the file";
    const hasBytes = this.pieces.doneBytes > 0 || this.#options.start.proof?.unproven().next().done === false;
    return hasBytes ? undefined : "no data was received";
  }

  /** Bytes of an earlier run that are right and were kept. */
  get resumedBytes(): number {
    return this.#resumedBytes;
  }

  /** Saves progress regularly until `signal` is aborted. */
  saveRegularly(signal: AbortSignal): Promise<void> {
    return this.#saver.saveRegularly(signal);
  }

  /** Removes all received bytes. */
  async startOver(): Promise<void> {
    await this.#saver.startOver(async () => {
      await this.cache.flush();
      this.pieces.clear();
      this.#resumedBytes = 0;
      this.#options.start.proof?.forget();
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
    await this.#sink.complete(() => hasSize ? this.#saveAll() : this.#saver.checkpointer.sync());
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
      await this.#saver.checkpointer.save();
    }
  }

  /** Stops the journal and hashing, and closes the readers. The transfer must be over. */
  async close(): Promise<void> {
    const provedFile = this.#provedFile;
    this.#provedFile = undefined;
    await provedFile?.close().catch(() => {}); // it was only read
    await this.#saver.close();
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
      await this.#saver.checkpointer.save();
      this.#isSaved = true;
    } catch (cause) {
      await this.#saver.checkpointer.sync();
      this.#options.log("warn", `${cause}; continuing without it, as the file is complete`);
    }
  }

  #openClaims(proof: Proof, file: FileReader): OpenClaims {
    const { start: { sink }, log } = this.#options;
    const block = this.pool.tryTake()!;
    return {
      missing: proof.possible.missing(),
      prove: async ({ onProven, onWrong }, signal) => {
        const reports: ProofReports = {
          onWrong,
          onProven: (range) => {
            this.#resumedBytes += range.end - range.start;
            this.#hasher?.prefix.advance(this.pieces.frontier);
            onProven(range);
          },
        };
        try {
          await proof.run({ file, buffer: block.bytes, signal }, reports);
        } catch (cause) {
          signal.throwIfAborted();
          throw storageError("check", sink.path, cause);
        } finally {
          this.pool.release(block);
        }
        reportProof(proof, sink.path, log);
      },
    };
  }

  #hashingOf(file: FileReader, { checksum }: ExpectedChecksum): PrefixHasherOptions {
    return {
      algorithm: checksum.algorithm,
      file,
      buffers: [this.pool.tryTake()!.bytes, this.pool.tryTake()!.bytes],
      onThisThread: this.pieces.size <= MAX_MAIN_THREAD_BYTES,
      onFallback: (cause) => this.#options.log("debug", `hashing on the main thread: ${cause}`),
    };
  }
}
