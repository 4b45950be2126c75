import { mkdtemp, readdir, realpath, rm, rmdir, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { IS_WINE } from "./wine.ts";

/** A directory that is removed, with all that is in it, when it is disposed of. */
export class TemporaryDirectory implements AsyncDisposable {
  /** Absolute, without symbolic links. */
  readonly path: string;

  /** Takes over the directory at `path`. */
  constructor(path: string) {
    this.path = path;
  }

  /** The path of something inside. */
  join(...names: string[]): string {
    return join(this.path, ...names);
  }

  /** The names in it, sorted. */
  async list(): Promise<string[]> {
    return (await readdir(this.path)).sort();
  }

  /** Removes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await removeTree(this.path);
  }
}

/** Removes a directory with all that is in it, if it is there. */
export async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    // Bun's rm() asks Wine for a call that it lacks, and removes nothing.
    if (!IS_WINE || !(error instanceof Error && "code" in error && error.code === "EFAULT")) throw error;
    await removeOneByOne(path);
  }
}

async function removeOneByOne(path: string): Promise<void> {
  for (const entry of await readdir(path, { withFileTypes: true })) {
    const inside = join(path, entry.name);
    await (entry.isDirectory() ? removeOneByOne(inside) : unlink(inside));
  }
  await rmdir(path);
}

/** Makes an empty directory for one test. */
export async function temporaryDirectory(): Promise<TemporaryDirectory> {
  return new TemporaryDirectory(await realpath(await mkdtemp(join(tmpdir(), "bytehaul-"))));
}
