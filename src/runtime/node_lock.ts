import { constants } from "node:fs";
import * as fs from "node:fs/promises";
import type { FileLock } from "./runtime.ts";
import { windowsLock } from "./windows_lock.ts";

const LOCK_EXCLUSIVE_NOW = 2 | 4;

/** Windows has no flag against links. */
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0;
const OPEN_FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | NO_FOLLOW;

type Flock = (descriptor: number, operation: number) => number;

/**
 * Locks a file as Deno does, with the system's `flock`, so that both see each other's locks and the lock
 * of a process that died is gone. Where there is no such call the file holds the owner's process id.
 */
export async function lockFile(path: string): Promise<FileLock | undefined> {
  const lockOnWindows = windowsLock();
  if (lockOnWindows !== undefined) return await lockOnWindows(path);
  const flock = systemFlock();
  for (;;) {
    const file = await fs.open(path, OPEN_FLAGS);
    let isKept = false;
    try {
      const isHeld = flock !== undefined
        ? flock(file.fd, LOCK_EXCLUSIVE_NOW) === 0
        : await claimByProcessId(file, path);
      if (!isHeld) return undefined;
      isKept = await hasName(file, path);
    } finally {
      if (!isKept) await file.close();
    }
    if (isKept) return { release: () => release(file, path) };
  }
}

/** Names that this process has locked by process id. */
const claimed = new Set<string>();

async function release(file: fs.FileHandle, path: string): Promise<void> {
  try {
    await fs.unlink(path).catch((error) => {
      if (error.code !== "ENOENT") throw error;
    });
  } finally {
    claimed.delete(path);
    await file.close();
  }
}

/** The file that was opened may have lost its name to a holder that was just finishing. */
async function hasName(file: fs.FileHandle, path: string): Promise<boolean> {
  const opened = await file.stat();
  const named = await fs.lstat(path).catch(() => undefined);
  return named?.ino === opened.ino && named.dev === opened.dev;
}

async function claimByProcessId(file: fs.FileHandle, path: string): Promise<boolean> {
  const owner = Number(await file.readFile("utf8"));
  const isTaken = owner === process.pid ? claimed.has(path) : owner > 0 && isAlive(owner);
  if (isTaken) return false;
  await file.truncate(0);
  await file.write(String(process.pid));
  claimed.add(path);
  return true;
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ESRCH");
  }
}

interface BunFfi {
  dlopen(library: string, symbols: object): { readonly symbols: { readonly flock: Flock } };
}

let loaded: Flock | undefined | null = null;

function systemFlock(): Flock | undefined {
  if (loaded === null) loaded = loadFlock();
  return loaded;
}

function loadFlock(): Flock | undefined {
  if (!("Bun" in globalThis)) return undefined;
  const ffi = process.getBuiltinModule("bun:ffi") as BunFfi;
  const libraries: Readonly<Record<string, readonly string[]>> = {
    darwin: ["libSystem.B.dylib"],
    linux: ["libc.so.6", "libc.so"],
  };
  for (const library of libraries[process.platform] ?? []) {
    try {
      return ffi.dlopen(library, { flock: { args: ["i32", "i32"], returns: "i32" } }).symbols.flock;
    } catch {
      continue; // another C library
    }
  }
  return undefined;
}
