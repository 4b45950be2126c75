import { mkdtemp, readdir, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

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
    await rm(this.path, { recursive: true, force: true });
  }
}

/** Makes an empty directory for one test. */
export async function temporaryDirectory(): Promise<TemporaryDirectory> {
  return new TemporaryDirectory(await realpath(await mkdtemp(join(tmpdir(), "bytehaul-"))));
}
