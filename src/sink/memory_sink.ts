import type { RuntimeFile } from "../runtime/runtime.ts";
import { commitBytes, finishBytes } from "../storage/commit.ts";
import type { Claims } from "../storage/control_record.ts";
import { discard, keepMismatch } from "../storage/discard.ts";
import type { JournalStart } from "../storage/journal/journal.ts";
import type { Output } from "../storage/output.ts";
import type { FileReader } from "../storage/part_file.ts";
import { BufferedPart } from "./buffered_part.ts";
import { PartFileSink } from "./part_file_sink.ts";
import type { Sink } from "./sink.ts";

/**
 * Keeps a small file in memory until it is complete, and writes it to disk when it gets its final name. If bytes
 * must be durable before that, a part file is created for them. Then it is committed and removed like any part file.
 */
export class MemorySink implements Sink {
  readonly memoryBytes: number;
  readonly journal = undefined;
  readonly #output: Output;
  readonly #buffer: BufferedPart;
  readonly #part: PartFileSink;
  /** Whether bytes had to be durable before the file was complete. */
  #hasPart = false;
  #isOpen = true;

  /** Has room for a file of `size` bytes. `createPart` creates its part file, if it is needed. */
  constructor(output: Output, size: number, createPart: () => Promise<RuntimeFile>) {
    this.memoryBytes = size;
    this.#output = output;
    this.#buffer = new BufferedPart(size, async () => {
      const file = await createPart();
      this.#hasPart = true;
      return file;
    });
    this.#part = new PartFileSink(output, this.#buffer, { size: 0, finalSize: size });
  }

  get path(): string {
    return this.#part.path;
  }

  get failed(): AbortSignal {
    return this.#part.failed;
  }

  get canSave(): boolean {
    return this.#hasPart ? this.#part.canSave : this.#isOpen;
  }

  write(data: Uint8Array, position: number, done: (written: boolean) => void): void {
    this.#part.write(data, position, done);
  }

  settle(): Promise<void> {
    return this.#part.settle();
  }

  clear(): Promise<void> {
    return this.#part.clear();
  }

  openReader(): Promise<FileReader> {
    const read: FileReader["read"] = (buffer, position) => this.#buffer.read(buffer, position);
    return Promise.resolve({ read, close: () => Promise.resolve() });
  }

  sync(): Promise<void> {
    return this.#part.sync();
  }

  save(claims: Claims, journal: JournalStart): Promise<void> {
    return this.#part.save(claims, journal);
  }

  async complete(makeDurable: () => Promise<void>): Promise<void> {
    if (this.#hasPart) await this.#part.complete(makeDurable);
  }

  async commit(size: number, signal: AbortSignal): Promise<void> {
    if (this.#hasPart) return await this.#part.commit(size, signal);
    await commitBytes(this.#output, this.#buffer.bytes, signal);
    this.#isOpen = false;
    await finishBytes(this.#output);
  }

  keepMismatch(): Promise<string> {
    return keepMismatch(this.#output, this.#hasPart ? undefined : this.#buffer.bytes);
  }

  async discard(): Promise<void> {
    this.#isOpen = false;
    await discard(this.#output);
  }
}
