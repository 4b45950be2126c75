import type { FileInfo, RuntimeFile } from "../runtime/runtime.ts";

/**
 * A small part file that stays in memory until it has to be durable. Most small files are whole before that, and
 * never need one on the disk.
 */
export class HeldPart implements RuntimeFile {
  readonly #create: () => Promise<RuntimeFile>;
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;
  /** Where the bytes went once they had to be durable. */
  #file: RuntimeFile | undefined;
  #moving: Promise<void> | undefined;

  /** Holds at most `size` bytes; `create` makes the file on the disk. */
  constructor(size: number, create: () => Promise<RuntimeFile>) {
    this.#bytes = new Uint8Array(size);
    this.#create = create;
  }

  /** What was written so far, while it is held. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    const file = await this.#moved();
    if (file !== undefined) return await file.read(buffer, position);
    const found = this.bytes.subarray(position, position + buffer.length);
    buffer.set(found);
    return found.length;
  }

  async write(data: Uint8Array, position: number): Promise<void> {
    const file = await this.#moved();
    if (file !== undefined) return await file.write(data, position);
    this.#bytes.set(data, position);
    this.#length = Math.max(this.#length, position + data.length);
  }

  async truncate(size: number): Promise<void> {
    const file = await this.#moved();
    if (file !== undefined) return await file.truncate(size);
    this.#bytes.fill(0, size);
    this.#length = size;
  }

  async sync(): Promise<void> {
    this.#moving ??= this.#move();
    await this.#moving;
    await this.#file?.sync();
  }

  async stat(): Promise<FileInfo> {
    const file = await this.#moved();
    if (file !== undefined) return await file.stat();
    return { kind: "file", size: this.#length, identity: undefined, modifiedMs: undefined };
  }

  async close(): Promise<void> {
    await (await this.#moved())?.close();
  }

  async #move(): Promise<void> {
    const file = await this.#create();
    await file.write(this.bytes, 0);
    this.#file = file;
    this.#bytes = NOTHING;
    this.#length = 0;
  }

  /** The file, once there is one. Nothing may be written while the bytes move into it. */
  async #moved(): Promise<RuntimeFile | undefined> {
    await this.#moving?.catch(() => {}); // told to whoever wanted it durable
    return this.#file;
  }
}

const NOTHING = new Uint8Array(0);
