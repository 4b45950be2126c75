import { constants } from "node:os";
import process from "node:process";
import { type LockAnswer, NO_LOCKS } from "../lock/lock.ts";
import { lockWith } from "../lock/node_lock.ts";
import type { FileLock } from "../runtime.ts";
import { windowsLock } from "./windows_lock.ts";

/**
 * Locks a file with `flock`, as Deno does. So both see each other's locks, and the lock of a dead process is
 * free. Without this call the file has the process id of its owner.
 */
export function lockFile(path: string): Promise<FileLock | undefined> {
  return windowsLock()?.(path) ?? lockWith(tryLock, path);
}

/** Requests a lock for a descriptor; returns the number of the failure, 0 when there is none. */
type Flock = (descriptor: number) => number;

function tryLock({ fd }: { readonly fd: number }): Promise<LockAnswer> {
  const flock = systemFlock();
  return Promise.resolve(flock === undefined ? "absent" : answerOf(flock(fd)));
}

function answerOf(failure: number): LockAnswer {
  if (failure === 0) return "had";
  const numbers: Readonly<Record<string, number>> = constants.errno;
  return [...NO_LOCKS].some((code) => numbers[code] === failure) ? "refused" : "taken";
}

const LOCK_EXCLUSIVE_NOW = 2 | 4;

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
