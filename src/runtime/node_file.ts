import { constants, type Stats } from "node:fs";
import * as fs from "node:fs/promises";
import process from "node:process";
import type { FileInfo, RuntimeFile } from "./runtime.ts";

/** For a file that must be one itself: no link is followed, no pipe is waited for. Windows has no such flags. */
export const OPEN_OWN: number = (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** A file that is open. */
export class NodeFile implements RuntimeFile {
  readonly #file: fs.FileHandle;

  /** Takes over an open file. */
  constructor(file: fs.FileHandle) {
    this.#file = file;
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, position);
    return bytesRead;
  }

  async write(data: Uint8Array, position: number): Promise<void> {
    for (let start = 0; start < data.length;) {
      const { bytesWritten } = await this.#file.write(data, start, data.length - start, position + start);
      start += bytesWritten;
    }
  }

  truncate(size: number): Promise<void> {
    return this.#file.truncate(size);
  }

  sync(): Promise<void> {
    return this.#file.sync();
  }

  async stat(): Promise<FileInfo> {
    return describe(await this.#file.stat());
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** Looks at the path itself. */
export async function lstat(path: string): Promise<FileInfo | undefined> {
  return await orMissing(fs.lstat(path).then(describe));
}

/** Looks at what the path leads to. */
export async function stat(path: string): Promise<FileInfo | undefined> {
  return await orMissing(fs.stat(path).then(describe));
}

/** Removes a file, if it is there. */
export async function remove(path: string): Promise<void> {
  await orMissing(fs.unlink(path));
}

function describe(info: Stats): FileInfo {
  const kind = info.isFile()
    ? "file"
    : info.isDirectory()
    ? "directory"
    : info.isSymbolicLink()
    ? "symlink"
    : "other";
  return {
    kind,
    size: info.size,
    identity: `${info.dev}:${info.ino}`,
    modifiedMs: Math.floor(info.mtimeMs),
    owner: process.platform === "win32" ? undefined : info.uid,
    links: info.nlink,
  };
}

async function orMissing<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
