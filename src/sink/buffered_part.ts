import type { FileInfo, RuntimeFile } from "../runtime/runtime.ts";

/**
 * A small part file that is buffered in memory until it has to be durable. Most small files are complete before that and
 * need no part file on the disk. It is always read from memory, so that no read and write of the file on the disk overlap.
 */
export class BufferedPart implements RuntimeFile {
  readonly #create: () => Promise<RuntimeFile>;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;
  /** Where the bytes are as well, once they had to be durable. */
  #file: RuntimeFile | undefined;
  #copying: Promise<void> | undefined;

  /** Takes at most `size` bytes; `create` makes the file on the disk. */
  constructor(size: number, create: () => Promise<RuntimeFile>) {
    this.#bytes = new Uint8Array(size);
    this.#create = create;
  }

  /** What was written so far. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  read(buffer: Uint8Array, position: number): Promise<number> {
    const found = this.bytes.subarray(position, position + buffer.length);
    buffer.set(found);
    return Promise.resolve(found.length);
  }

  async write(data: Uint8Array, position: number): Promise<void> {
    const file = await this.#copied();
    this.#bytes.set(data, position);
    this.#length = Math.max(this.#length, position + data.length);
    await file?.write(data, position);
  }

  async truncate(size: number): Promise<void> {
    const file = await this.#copied();
    this.#bytes.fill(0, size);
    this.#length = size;
    await file?.truncate(size);
  }

  async sync(): Promise<void> {
    this.#copying ??= this.#copy();
    await this.#copying;
    await this.#file?.sync();
  }

  async stat(): Promise<FileInfo> {
    const file = await this.#copied();
    if (file !== undefined) return await file.stat();
    const unknown = { identity: undefined, modifiedMs: undefined, owner: undefined, links: undefined };
    return { kind: "file", size: this.#length, ...unknown };
  }

  async close(): Promise<void> {
    await (await this.#copied())?.close();
  }

  async #copy(): Promise<void> {
    const file = await this.#create();
    await file.write(this.bytes, 0);
    this.#file = file;
  }

  /** The file, once there is one. Nothing may be written while the bytes are copied into it. */
  async #copied(): Promise<RuntimeFile | undefined> {
    await this.#copying?.catch(() => {}); // sync() has reported it
    return this.#file;
  }
}
