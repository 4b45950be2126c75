import { freeBytes } from "../free_space.ts";
import { IS_WINDOWS, onFile } from "../in_use.ts";
import type { FileSystem } from "../runtime.ts";
import { shareSyncs } from "../shared_sync.ts";
import { coded, systemError } from "../system_error.ts";
import { mayKnow, requireAccess } from "./deno_access.ts";
import { DenoFile, describe } from "./deno_file.ts";
import { lockFile } from "./deno_lock.ts";

/** The file system as Deno has it. */
export const denoFiles: FileSystem = {
  async create(path) {
    requireAccess(path, "read", "write");
    return new DenoFile(
      await onFile(() => coded(Deno.open(path, { read: true, write: true, createNew: true }))),
    );
  },

  async open(path, mode) {
    requireAccess(path, "read", ...(mode === "read-write" ? ["write"] as const : []));
    // There is no flag against links, so who opens it compares what was opened with what has the name.
    if (mode !== "read") await requireNoLink(path);
    return new DenoFile(await coded(Deno.open(path, { read: true, write: mode === "read-write" })));
  },

  async lstat(path) {
    requireAccess(path, "read");
    return await orMissing(coded(Deno.lstat(path)).then(describe));
  },

  async stat(path) {
    requireAccess(path, "read");
    return await orMissing(coded(Deno.stat(path)).then(describe));
  },

  async mayRead(path) {
    return (await Deno.permissions.query({ name: "read", path })).state === "granted";
  },

  async makeDirectory(path) {
    requireAccess(path, "write");
    await coded(Deno.mkdir(path, { recursive: true }));
  },

  async link(from, to) {
    for (const path of [from, to]) requireAccess(path, "read", "write");
    await coded(Deno.link(from, to));
  },

  async rename(from, to) {
    requireAccess(from, "read", "write");
    requireAccess(to, "write");
    await onFile(() => coded(Deno.rename(from, to)));
  },

  async remove(path) {
    // Deno removes an empty directory as well.
    if ((await denoFiles.lstat(path))?.kind === "directory") throw systemError("EISDIR", path);
    requireAccess(path, "write");
    await orMissing(onFile(() => coded(Deno.remove(path))));
  },

  syncDirectory: shareSyncs(async (path) => {
    if (IS_WINDOWS) return;
    requireAccess(path, "read");
    const directory = await coded(Deno.open(path));
    try {
      await coded(directory.sync());
    } finally {
      directory.close();
    }
  }),

  async freeSpace(path) {
    if (!mayKnow("statfs") || !await denoFiles.mayRead(path)) return undefined;
    return await freeBytes(path);
  },

  lock: (path) => lockFile(denoFiles, path),
};

async function requireNoLink(path: string): Promise<void> {
  if ((await denoFiles.lstat(path))?.kind === "symlink") throw systemError("ELOOP", path);
}

async function orMissing<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
