import type { FileHandle } from "node:fs/promises";
import process from "node:process";
import { type LockableFile, type LockAnswer, lockBy, type LockCalls } from "./lock.ts";
import { lstat, NodeFile, ownFileFlags, remove } from "../node_file.ts";
import { nodeFs } from "../node_fs.ts";
import type { FileLock } from "../runtime.ts";
import { coded } from "../system_error.ts";
import { errorCode } from "../../lib/error_code.ts";

/** Requests the system's lock of an open file. */
export type TryLock = (file: FileHandle) => Promise<LockAnswer>;

/** Locks a file with the system's lock or, if there is none, by process id. */
export function lockWith(tryLock: TryLock, path: string): Promise<FileLock | undefined> {
  return lockBy(callsWith(tryLock), path);
}

function callsWith(tryLock: TryLock): LockCalls {
  const { constants, promises: fs } = nodeFs();
  const open = async (path: string, flags: number) =>
    new LockableNodeFile(await coded(fs.open(path, constants.O_RDWR | flags, 0o666)), tryLock);
  return {
    create: (path) => open(path, constants.O_CREAT | constants.O_EXCL),
    open: (path) => open(path, ownFileFlags()),
    lstat,
    remove,
    processId: process.pid,
    isAlive,
  };
}

class LockableNodeFile extends NodeFile implements LockableFile {
  readonly tryLock: () => Promise<LockAnswer>;

  constructor(file: FileHandle, tryLock: TryLock) {
    super(file);
    this.tryLock = () => tryLock(file);
  }
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return errorCode(error) !== "ESRCH";
  }
}
