import type { BigIntStats } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { identify } from "./identity.ts";
import { IS_WINDOWS, onFile } from "./in_use.ts";
import { nodeFs } from "./node_fs.ts";
import type { FileInfo, RuntimeFile } from "./runtime.ts";
import { coded, systemError } from "./system_error.ts";
import { errorCode } from "../lib/error_code.ts";

/**
 * Flags for a file that must be regular: they follow no link and do not wait for a pipe. Windows has no such
 * flags.
 */
export function ownFileFlags(): number {
  const { O_NOFOLLOW = 0, O_NONBLOCK = 0 } = nodeFs().constants;
  return O_NOFOLLOW | O_NONBLOCK;
}

/** An open file. */
export class NodeFile implements RuntimeFile {
  readonly #file: FileHandle;

  /** Takes over an open file. */
  constructor(file: FileHandle) {
    this.#file = file;
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, position);
    return bytesRead;
  }

  async write(data: Uint8Array, position: number): Promise<void> {
    for (let start = 0; start < data.length;) {
      const { bytesWritten } = await coded(
        this.#file.write(data, start, data.length - start, position + start),
      );
      start += bytesWritten;
    }
  }

  truncate(size: number): Promise<void> {
    return coded(this.#file.truncate(size));
  }

  sync(): Promise<void> {
    return coded(this.#file.sync());
  }

  async stat(): Promise<FileInfo> {
    return describe(await this.#file.stat({ bigint: true }));
  }

  close(): Promise<void> {
    return coded(this.#file.close());
  }
}

/** Describes the path itself. */
export async function lstat(path: string): Promise<FileInfo | undefined> {
  return await orMissing(nodeFs().promises.lstat(path, { bigint: true }).then(describe));
}

/** Describes the target of the path. */
export async function stat(path: string): Promise<FileInfo | undefined> {
  return await orMissing(nodeFs().promises.stat(path, { bigint: true }).then(describe));
}

/** Removes a file, if it exists. */
export async function remove(path: string): Promise<void> {
  // Windows reports a directory like a file that is in use.
  if (IS_WINDOWS && (await lstat(path))?.kind === "directory") throw systemError("EISDIR", path);
  await orMissing(onFile(() => nodeFs().promises.unlink(path)));
}

function describe(info: BigIntStats): FileInfo {
  const kind = info.isFile()
    ? "file"
    : info.isDirectory()
    ? "directory"
    : info.isSymbolicLink()
    ? "symlink"
    : "other";
  return {
    kind,
    size: Number(info.size),
    // File numbers of more than 53 bits are usual on Windows.
    identity: identify(info.dev, info.ino),
    modifiedMs: Number(info.mtimeMs),
    owner: IS_WINDOWS ? undefined : Number(info.uid),
    links: Number(info.nlink),
  };
}

async function orMissing<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
