import { lstat, mkdtemp, readdir, realpath, rm, rmdir, unlink } from "node:fs/promises";
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

  /** All that is in it, however deep, sorted; with slashes between the names. */
  tree(): Promise<string[]> {
    return listTree(this.path);
  }

  /** Removes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await removeTree(this.path);
  }
}

/** Not by `readdir` alone, which under Wine goes no deeper than one level. */
async function listTree(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true });
  const names = await Promise.all(entries.map(async (entry) => {
    const inside = entry.isDirectory() ? await listTree(join(path, entry.name)) : [];
    return [entry.name, ...inside.map((name) => `${entry.name}/${name}`)];
  }));
  return names.flat().sort();
}

/** Removes what is there, a directory with all that is in it. */
export async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    // Bun's rm() asks Wine for a call that it lacks, and removes nothing.
    if (!IS_WINE || !(error instanceof Error && "code" in error && error.code === "EFAULT")) throw error;
    await removeOneByOne(path, (await lstat(path)).isDirectory());
  }
}

async function removeOneByOne(path: string, isDirectory: boolean): Promise<void> {
  if (!isDirectory) return await unlink(path);
  for (const entry of await readdir(path, { withFileTypes: true })) {
    await removeOneByOne(join(path, entry.name), entry.isDirectory());
  }
  await rmdir(path);
}

/** Makes an empty directory for one test. */
export async function temporaryDirectory(): Promise<TemporaryDirectory> {
  return new TemporaryDirectory(await realpath(await mkdtemp(join(tmpdir(), "bytehaul-"))));
}
