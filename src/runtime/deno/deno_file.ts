import { identify } from "../identity.ts";
import { IS_WINDOWS } from "../in_use.ts";
import type { FileInfo, RuntimeFile } from "../runtime.ts";
import { coded } from "../system_error.ts";

/** A file that is open. */
export class DenoFile implements RuntimeFile {
  readonly #file: Deno.FsFile;
  #position = 0;

  constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    this.#seek(position);
    const length = await coded(this.#file.read(buffer)) ?? 0;
    this.#position += length;
    return length;
  }

  async write(data: Uint8Array, position: number): Promise<void> {
    this.#seek(position);
    for (let start = 0; start < data.length;) {
      const length = await coded(this.#file.write(data.subarray(start)));
      start += length;
      this.#position += length;
    }
  }

  truncate(size: number): Promise<void> {
    return coded(this.#file.truncate(size));
  }

  sync(): Promise<void> {
    return coded(this.#file.sync());
  }

  async stat(): Promise<FileInfo> {
    return describe(await coded(this.#file.stat()));
  }

  async close(): Promise<void> {
    await Promise.resolve(this.#file.close());
  }

  #seek(position: number): void {
    if (position === this.#position) return;
    this.#file.seekSync(position, Deno.SeekMode.Start);
    this.#position = position;
  }
}

/** What Deno knows of a file, in the form that all runtimes share. */
export function describe(info: Deno.FileInfo): FileInfo {
  const kind = info.isFile ? "file" : info.isDirectory ? "directory" : info.isSymlink ? "symlink" : "other";
  const number = identify(info.dev, info.ino);
  // Deno rounds numbers of more than 53 bits, which are usual on Windows; the time of birth tells them apart.
  const identity = number && IS_WINDOWS ? `${number}:${info.birthtime?.getTime()}` : number;
  const { size, mtime, uid, nlink } = info;
  return {
    ...{ kind, size, identity, modifiedMs: mtime?.getTime() },
    owner: uid ?? undefined,
    links: nlink ?? undefined,
  };
}
