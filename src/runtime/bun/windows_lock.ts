import { Buffer } from "node:buffer";
import { resolve, toNamespacedPath } from "node:path";
import process from "node:process";
import { IS_WINDOWS, onFile } from "../in_use.ts";
import { nodeFs } from "../node_fs.ts";
import type { FileLock } from "../runtime.ts";
import { systemError } from "../system_error.ts";
import { errorCode } from "../../lib/error_code.ts";

type Handle = number | bigint;

/** Functions of Windows, by their Windows names. */
interface Kernel {
  CreateFileW(
    path: Uint8Array,
    access: number,
    share: number,
    security: null,
    disposition: number,
    flags: number,
    template: null,
  ): Handle;
  LockFileEx(
    handle: Handle,
    flags: number,
    reserved: number,
    lengthLow: number,
    lengthHigh: number,
    overlapped: Uint8Array,
  ): number;
  GetFileInformationByHandle(handle: Handle, information: Uint8Array): number;
  CloseHandle(handle: Handle): number;
}

const INVALID_HANDLE = -1;
const READ_AND_WRITE = 0xC000_0000;
const LOOK_ONLY = 0;
const SHARE_ALL = 1 | 2 | 4;
const OPEN_EXISTING = 3;
const OPEN_OR_CREATE = 4;
/** Opens a link itself, not its target. */
const NO_FOLLOW = 0x0020_0000;
const EXCLUSIVE_NOW = 1 | 2;
const ALL_BYTES = 0xFFFF_FFFF;

const ATTRIBUTE_LINK = 0x400;

/** The system's description of an open file. */
interface Described {
  readonly isLink: boolean;
  /** Volume and number of the file. */
  readonly identity: string;
}

/**
 * Locks a file on Windows with the same system call as Deno, so that the lock of a dead process is free.
 * `undefined` when the functions of the system cannot be called.
 */
export function windowsLock(): ((path: string) => Promise<FileLock | undefined>) | undefined {
  const kernel = IS_WINDOWS ? loadedKernel() : undefined;
  return kernel && ((path) => lock(kernel, path));
}

async function lock(kernel: Kernel, path: string): Promise<FileLock | undefined> {
  for (;;) {
    const handle = await onFile(() => open(kernel, path));
    let isKept = false;
    try {
      const isHeld = kernel.LockFileEx(handle, EXCLUSIVE_NOW, 0, ALL_BYTES, ALL_BYTES, new Uint8Array(32));
      if (isHeld === 0) return undefined;
      isKept = hasName(kernel, handle, path);
    } finally {
      if (!isKept) kernel.CloseHandle(handle);
    }
    if (isKept) return { owner: undefined, isWeak: false, release: () => release(kernel, handle, path) };
  }
}

async function release(kernel: Kernel, handle: Handle, path: string): Promise<void> {
  try {
    await onFile(() => nodeFs().promises.unlink(path)).catch((error) => {
      if (errorCode(error) !== "ENOENT") throw error;
    });
  } finally {
    kernel.CloseHandle(handle);
  }
}

async function open(kernel: Kernel, path: string): Promise<Handle> {
  const handle = openNow(kernel, path, READ_AND_WRITE, OPEN_OR_CREATE);
  if (handle === INVALID_HANDLE) return await explain(path);
  if (!describe(kernel, handle).isLink) return handle;
  kernel.CloseHandle(handle);
  throw systemError("ELOOP", path);
}

/** Throws the runtime's error for a path that could not be opened. */
async function explain(path: string): Promise<never> {
  const { promises: fs } = nodeFs();
  if ((await fs.lstat(path).catch(() => undefined))?.isDirectory()) throw systemError("EISDIR", path);
  await (await fs.open(path, "a")).close();
  throw systemError("EBUSY", path); // it was in use a moment ago
}

/** Whether the opened file still has its name. An owner that has just finished may have removed the name. */
function hasName(kernel: Kernel, handle: Handle, path: string): boolean {
  const named = openNow(kernel, path, LOOK_ONLY, OPEN_EXISTING);
  if (named === INVALID_HANDLE) return false;
  try {
    return describe(kernel, named).identity === describe(kernel, handle).identity;
  } finally {
    kernel.CloseHandle(named);
  }
}

function openNow(kernel: Kernel, path: string, access: number, disposition: number): Handle {
  const name = Buffer.from(`${toNamespacedPath(resolve(path))}\0`, "utf16le");
  return kernel.CreateFileW(name, access, SHARE_ALL, null, disposition, NO_FOLLOW, null);
}

function describe(kernel: Kernel, handle: Handle): Described {
  const view = new DataView(new ArrayBuffer(52));
  kernel.GetFileInformationByHandle(handle, new Uint8Array(view.buffer));
  const numbers = [28, 44, 48].map((offset) => view.getUint32(offset, true));
  return { isLink: (view.getUint32(0, true) & ATTRIBUTE_LINK) !== 0, identity: numbers.join(":") };
}

interface BunFfi {
  dlopen(library: string, symbols: object): { readonly symbols: Kernel };
}

let loaded: Kernel | undefined | null = null;

function loadedKernel(): Kernel | undefined {
  if (loaded === null) loaded = load();
  return loaded;
}

function load(): Kernel | undefined {
  const ffi = process.getBuiltinModule("bun:ffi") as BunFfi;
  try {
    return ffi.dlopen("kernel32.dll", {
      CreateFileW: { args: ["ptr", "u32", "u32", "ptr", "u32", "u32", "ptr"], returns: "i64_fast" },
      LockFileEx: { args: ["i64", "u32", "u32", "u32", "u32", "ptr"], returns: "i32" },
      GetFileInformationByHandle: { args: ["i64", "ptr"], returns: "i32" },
      CloseHandle: { args: ["i64"], returns: "i32" },
    }).symbols;
  } catch {
    return undefined; // not available on every processor
  }
}
