import process from "node:process";
import { errorCode } from "../../lib/error_code.ts";
import { type LockableFile, type LockAnswer, lockBy, NO_LOCKS } from "../lock/lock.ts";
import type { FileLock, FileSystem } from "../runtime.ts";
import { requireAccess } from "./deno_access.ts";
import { DenoFile } from "./deno_file.ts";
import { coded } from "../system_error.ts";

/** Locks a file with the system's `flock`, or by process id where the file system has no locks. */
export function lockFile(
  { lstat, remove }: Pick<FileSystem, "lstat" | "remove">,
  path: string,
): Promise<FileLock | undefined> {
  return lockBy({ create, open, lstat, remove, processId: Deno.pid, isAlive }, path);
}

class LockableDenoFile extends DenoFile implements LockableFile {
  readonly #file: Deno.FsFile;

  constructor(file: Deno.FsFile) {
    super(file);
    this.#file = file;
  }

  async tryLock(): Promise<LockAnswer> {
    try {
      return await coded(this.#file.tryLock(true)) ? "had" : "taken";
    } catch (error) {
      if (NO_LOCKS.has(errorCode(error) ?? "")) return "refused";
      throw error;
    }
  }
}

async function create(path: string): Promise<LockableFile> {
  requireAccess(path, "read", "write");
  return new LockableDenoFile(await coded(Deno.open(path, { read: true, write: true, createNew: true })));
}

async function open(path: string): Promise<LockableFile> {
  requireAccess(path, "read", "write");
  return new LockableDenoFile(await coded(Deno.open(path, { read: true, write: true })));
}

/** Asking without the permission would prompt on a terminal. */
function isAlive(processId: number): boolean | undefined {
  if (Deno.permissions.querySync({ name: "run" }).state !== "granted") return undefined;
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return errorCode(error) !== "ESRCH";
  }
}
