import type { FileInfo, RuntimeFile } from "../../src/runtime/runtime.ts";
import type { MemoryFiles } from "./memory_files.ts";
import type { Inode } from "./memory_inode.ts";

/** What the files run in: it counts calls, says which fail, and makes them take time. */
export interface Host {
  /**
   * Counts a call at once. Fulfils when it is done, with the code that it fails with, if it is to; never when the
   * machine was stopped. Rejects with the signal's reason.
   */
  enter(name: string, path: string, signal?: AbortSignal): Promise<string | undefined>;
  wallMs(): number;
  random(): number;
}

/** An error as the system makes it. */
export function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: "${path}"`), { code });
}

/** An open file. Counts its calls, and notes uses that no runtime allows. */
export class MemoryFile implements RuntimeFile {
  readonly #files: MemoryFiles;
  readonly #inode: Inode;
  readonly #path: string;
  #isMoving = false;
  #isClosed = false;

  constructor(files: MemoryFiles, inode: Inode, path: string) {
    this.#files = files;
    this.#inode = inode;
    this.#path = path;
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    return await this.#alone("read", async (code) => {
      const failure = await code;
      if (failure !== undefined) throw systemError(failure, this.#path);
      const { bytes } = this.#inode;
      const part = bytes.subarray(position, position + buffer.length);
      buffer.set(part);
      return part.length;
    });
  }

  /** Takes half of the data now and half at the end; one that fails has written the first half. */
  async write(data: Uint8Array, position: number): Promise<void> {
    await this.#alone("write", async (code) => {
      const half = data.length >> 1;
      const { host } = this.#files;
      if (half > 0) this.#inode.write(data.subarray(0, half), position, host.wallMs());
      const failure = await code;
      if (failure !== undefined) throw systemError(failure, this.#path);
      if (data.length > half) this.#inode.write(data.subarray(half), position + half, host.wallMs());
    });
  }

  async truncate(size: number): Promise<void> {
    await this.#enter("truncate");
    this.#inode.truncate(size, this.#files.host.wallMs());
  }

  async sync(): Promise<void> {
    const { version } = this.#inode;
    const code = await this.#begin("sync");
    if (code === undefined) return this.#inode.sync(version);
    this.#inode.drop(version);
    throw systemError(code, this.#path);
  }

  async stat(): Promise<FileInfo> {
    await this.#enter("fstat");
    return this.#inode.info;
  }

  /** Closes in any case, as systems do. */
  async close(): Promise<void> {
    const code = this.#begin("close");
    if (this.#isMoving) this.#misuse("closed during a read or write");
    if (!this.#isClosed) this.#files.openHandles--;
    this.#isClosed = true;
    const failure = await code;
    if (failure !== undefined) throw systemError(failure, this.#path);
  }

  async #enter(name: string): Promise<void> {
    const code = await this.#begin(name);
    if (code !== undefined) throw systemError(code, this.#path);
  }

  #begin(name: string): Promise<string | undefined> {
    if (this.#isClosed) {
      this.#misuse(`${name} after close`);
      return Promise.resolve("EBADF");
    }
    return this.#files.host.enter(name, this.#path);
  }

  async #alone<T>(name: string, work: (code: Promise<string | undefined>) => Promise<T>): Promise<T> {
    if (this.#isMoving) this.#misuse(`${name} during a read or write`);
    this.#isMoving = true;
    try {
      return await work(this.#begin(name));
    } finally {
      this.#isMoving = false;
    }
  }

  #misuse(what: string): void {
    this.#files.misuses.push(`${what}: ${this.#path}`);
  }
}
