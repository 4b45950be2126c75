import type { RuntimeFile } from "../runtime/runtime.ts";
import { commitPart } from "../storage/commit.ts";
import type { Claims } from "../storage/control_record.ts";
import { discard, keepMismatch } from "../storage/discard.ts";
import type { Journal, JournalStart } from "../storage/journal/journal.ts";
import type { Output } from "../storage/output.ts";
import type { FileReader } from "../storage/part_file.ts";
import { FileWriter } from "./file_writer.ts";
import type { Sink } from "./sink.ts";

/** The sizes of a part file in bytes. */
export interface PartFileSizes {
  /** Its size now. */
  readonly size: number;
  /** The size of the complete file; `undefined` while it is not known. */
  readonly finalSize: number | undefined;
}

/** Writes the open part file of an output, and saves progress in the output's control file. */
export class PartFileSink implements Sink {
  readonly memoryBytes = 0;
  readonly #output: Output;
  readonly #file: RuntimeFile;
  readonly #writer: FileWriter;
  readonly #failure = new AbortController();

  constructor(output: Output, file: RuntimeFile, sizes: PartFileSizes) {
    this.#output = output;
    this.#file = file;
    const onFailure = (error: unknown) => this.#failure.abort(error);
    this.#writer = new FileWriter({ ...sizes, file, path: this.path, onFailure });
  }

  get path(): string {
    return this.#output.part.path;
  }

  get failed(): AbortSignal {
    return this.#failure.signal;
  }

  get canSave(): boolean {
    return this.#output.part.isOpen;
  }

  get journal(): Journal {
    return this.#output.control.journal;
  }

  write(data: Uint8Array, position: number, done: (written: boolean) => void): void {
    this.#writer.write(data, position, done);
  }

  settle(): Promise<void> {
    return this.#writer.settle();
  }

  clear(): Promise<void> {
    return this.#writer.clear();
  }

  openReader(): Promise<FileReader> {
    return this.#output.part.openReader();
  }

  sync(): Promise<void> {
    return this.#file.sync();
  }

  async save(claims: Claims, journal: JournalStart): Promise<void> {
    // Without the part file's identity the next run checks all claims, which is right for a file that another
    // program changed.
    const info = await this.#writer.inspect().catch(() => undefined);
    const part = info && { identity: info.identity, modifiedMs: info.modifiedMs };
    await this.#output.control.save({ ...claims, part }, journal);
  }

  async complete(makeDurable: () => Promise<void>): Promise<void> {
    await makeDurable();
    await this.#writer.inspect();
  }

  commit(size: number, signal: AbortSignal): Promise<void> {
    return commitPart(this.#output, this.#file, size, signal);
  }

  keepMismatch(): Promise<string> {
    return keepMismatch(this.#output);
  }

  discard(): Promise<void> {
    return discard(this.#output);
  }
}
