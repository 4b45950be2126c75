import { constants } from "node:fs";
import * as fs from "node:fs/promises";
import process from "node:process";
import { type LockableFile, type LockAnswer, lockBy, type LockCalls, NO_LOCKS } from "./lock.ts";
import { lstat, NodeFile, OPEN_OWN, remove } from "../node_file.ts";
import type { FileLock } from "../runtime.ts";
import { windowsLock } from "./windows_lock.ts";
import { errorCode } from "../../lib/error_code.ts";

const LOCK_EXCLUSIVE_NOW = 2 | 4;

/** Asks for a lock; returns the number of the failure, 0 when there is none. */
type Flock = (descriptor: number) => number;

/**
 * Locks a file with `flock`, as Deno does. So both see each other's locks, and the lock of a dead process is
 * free. Without this call the file has the process id of its owner.
 */
export function lockFile(path: string): Promise<FileLock | undefined> {
  return windowsLock()?.(path) ?? lockBy(CALLS, path);
}

class LockableNodeFile extends NodeFile implements LockableFile {
  readonly #descriptor: number;

  constructor(file: fs.FileHandle) {
    super(file);
    this.#descriptor = file.fd;
  }

  tryLock(): Promise<LockAnswer> {
    const flock = systemFlock();
    return Promise.resolve(flock === undefined ? "absent" : answerOf(flock(this.#descriptor)));
  }
}

function answerOf(failure: number): LockAnswer {
  if (failure === 0) return "had";
  const numbers = process.getBuiltinModule("node:os").constants.errno as Readonly<Record<string, number>>;
  return [...NO_LOCKS].some((code) => numbers[code] === failure) ? "refused" : "taken";
}

const CALLS: LockCalls = {
  create: async (path) =>
    new LockableNodeFile(await fs.open(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o666)),
  open: async (path) => new LockableNodeFile(await fs.open(path, constants.O_RDWR | OPEN_OWN)),
  lstat,
  remove,
  processId: process.pid,
  isAlive,
};

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return errorCode(error) !== "ESRCH";
  }
}

interface BunFfi {
  dlopen<T>(library: string, symbols: object): { readonly symbols: T };
  readonly read: { i32(pointer: number, offset: number): number };
}

interface LockSymbols {
  flock(descriptor: number, operation: number): number;
  /** Function of the C library that returns the address of this thread's error number. */
  [errno: string]: (...numbers: number[]) => number;
}

let loaded: Flock | undefined | null = null;

function systemFlock(): Flock | undefined {
  if (loaded === null) loaded = loadFlock();
  return loaded;
}

function loadFlock(): Flock | undefined {
  if (!("Bun" in globalThis)) return undefined;
  const ffi = process.getBuiltinModule("bun:ffi") as BunFfi;
  const errno = process.platform === "darwin" ? "__error" : "__errno_location";
  const libraries: Readonly<Record<string, readonly string[]>> = {
    darwin: ["libSystem.B.dylib"],
    linux: ["libc.so.6", "libc.so"],
  };
  for (const library of libraries[process.platform] ?? []) {
    try {
      const { symbols } = ffi.dlopen<LockSymbols>(library, {
        flock: { args: ["i32", "i32"], returns: "i32" },
        [errno]: { args: [], returns: "ptr" },
      });
      return (descriptor) =>
        symbols.flock(descriptor, LOCK_EXCLUSIVE_NOW) === 0 ? 0 : ffi.read.i32(symbols[errno]!(), 0);
    } catch {
      continue; // another C library
    }
  }
  return undefined;
}
