import type { FileInfo, FileLock, RuntimeFile } from "../runtime.ts";
import { systemError } from "../system_error.ts";
import { errorCode } from "../../lib/error_code.ts";

/** Outcome of a lock request to the system. */
export type LockAnswer =
  | "had"
  | "taken"
  /** The file system has no such locks. */
  | "refused"
  /** The runtime has no such call. */
  | "absent";

/** The system's names for a file system without locks. */
export const NO_LOCKS: ReadonlySet<string> = new Set(["ENOSYS", "ENOLCK", "ENOTSUP", "EOPNOTSUPP", "EINVAL"]);

/** A file that may be locked. */
export interface LockableFile extends Pick<RuntimeFile, "read" | "write" | "stat" | "close"> {
  /** Requests a lock that ends with the process. */
  tryLock(): Promise<LockAnswer>;
}

/** Calls of a runtime that a lock needs. */
export interface LockCalls {
  /** Makes a new file; `EEXIST` when the name is taken. */
  create(path: string): Promise<LockableFile>;
  /** Opens an existing file. Follows no link, and does not wait for a pipe. */
  open(path: string): Promise<LockableFile>;
  lstat(path: string): Promise<FileInfo | undefined>;
  remove(path: string): Promise<void>;
  readonly processId: number;
  /** Whether a process runs; `undefined` without the permission to know. */
  isAlive(processId: number): boolean | undefined;
}

/** Paths that this process has locked or is locking. */
const inHand = new Set<string>();

/**
 * Locks a file that this call makes. If the system grants the lock of an existing file, a dead process left
 * that file. It is then replaced, because another user may have made it. Without system locks the file has
 * the process id of its owner.
 */
export async function lockBy(calls: LockCalls, path: string): Promise<FileLock | undefined> {
  if (inHand.has(path)) return undefined;
  inHand.add(path);
  let lock: FileLock | undefined;
  try {
    return lock = await take(calls, path);
  } finally {
    if (lock === undefined) inHand.delete(path);
  }
}

async function take(calls: LockCalls, path: string): Promise<FileLock | undefined> {
  for (;;) {
    const made = await unless("EEXIST", calls.create(path));
    const file = made ?? await openLeft(calls, path);
    if (file === undefined) continue; // its owner has just finished
    let isKept = false;
    try {
      const answer = await file.tryLock();
      if (answer === "taken") return undefined;
      const isById = answer !== "had";
      if (made === undefined && isById && await isOwnerAlive(calls, file, path)) return undefined;
      const info = await file.stat();
      const named = await calls.lstat(path);
      if (named === undefined || named.identity !== info.identity) continue; // as above
      if (made === undefined) {
        await calls.remove(path);
        continue;
      }
      if (isById) await file.write(new TextEncoder().encode(String(calls.processId)), 0);
      isKept = true;
      return { owner: info.owner, isWeak: answer === "refused", release: () => release(calls, file, path) };
    } finally {
      if (!isKept) await file.close();
    }
  }
}

async function release(calls: LockCalls, file: LockableFile, path: string): Promise<void> {
  try {
    await calls.remove(path);
  } finally {
    inHand.delete(path);
    await file.close();
  }
}

/**
 * Opens an existing lock file. Refuses links, other kinds and files with a second name, because another user
 * may have made them.
 */
async function openLeft(calls: LockCalls, path: string): Promise<LockableFile | undefined> {
  const named = await calls.lstat(path);
  if (named === undefined) return undefined;
  requirePlain(named, path);
  const file = await unless("ENOENT", calls.open(path));
  if (file === undefined) return undefined;
  try {
    requirePlain(await file.stat(), path);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

function requirePlain({ kind, links = 1 }: FileInfo, path: string): void {
  if (kind === "symlink") throw systemError("ELOOP", path);
  if (kind === "directory") throw systemError("EISDIR", path);
  if (kind !== "file") throw new Error(`"${path}" is no regular file; remove it`);
  if (links > 1) throw new Error(`"${path}" has another name as well; remove it`);
}

/**
 * Whether the process named in a lock file runs. A file without a process id is from an interrupted start.
 */
async function isOwnerAlive(calls: LockCalls, file: LockableFile, path: string): Promise<boolean> {
  const text = new Uint8Array(16);
  const length = await file.read(text, 0);
  const owner = Number(new TextDecoder().decode(text.subarray(0, length)));
  if (!Number.isSafeInteger(owner) || owner <= 0 || owner === calls.processId) return false;
  const isAlive = calls.isAlive(owner);
  if (isAlive !== undefined) return isAlive;
  throw new Error(`"${path}" is of process ${owner}; if that is no download any more, remove the file`);
}

async function unless<T>(code: string, result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if (errorCode(error) === code) return undefined;
    throw error;
  }
}
