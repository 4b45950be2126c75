import { constants } from "node:fs";
import * as fs from "node:fs/promises";
import { constants as numbers } from "node:os";
import process from "node:process";
import { type LockableFile, type LockAnswer, lockBy, type LockCalls, NO_LOCKS } from "./lock.ts";
import { lstat, NodeFile, OPEN_OWN, remove } from "../node_file.ts";
import type { FileLock } from "../runtime.ts";
import { errorCode } from "../../lib/error_code.ts";

/** Requests a lock for a descriptor; returns the number of the failure, 0 when there is none. */
export type Flock = (descriptor: number) => number;

/** Locks a file with `flock` or, if there is no such call, by process id. */
export function lockWith(flock: Flock | undefined, path: string): Promise<FileLock | undefined> {
  return lockBy(callsWith(flock), path);
}

class LockableNodeFile extends NodeFile implements LockableFile {
  readonly #descriptor: number;
  readonly #flock: Flock | undefined;

  constructor(file: fs.FileHandle, flock: Flock | undefined) {
    super(file);
    this.#descriptor = file.fd;
    this.#flock = flock;
  }

  tryLock(): Promise<LockAnswer> {
    const flock = this.#flock;
    return Promise.resolve(flock === undefined ? "absent" : answerOf(flock(this.#descriptor)));
  }
}

function answerOf(failure: number): LockAnswer {
  if (failure === 0) return "had";
  const errno: Readonly<Record<string, number>> = numbers.errno;
  return [...NO_LOCKS].some((code) => errno[code] === failure) ? "refused" : "taken";
}

function callsWith(flock: Flock | undefined): LockCalls {
  const open = async (path: string, flags: number) =>
    new LockableNodeFile(await fs.open(path, constants.O_RDWR | flags, 0o666), flock);
  return {
    create: (path) => open(path, constants.O_CREAT | constants.O_EXCL),
    open: (path) => open(path, OPEN_OWN),
    lstat,
    remove,
    processId: process.pid,
    isAlive,
  };
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return errorCode(error) !== "ESRCH";
  }
}
