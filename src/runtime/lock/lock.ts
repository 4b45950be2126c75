import type { FileInfo, FileLock, RuntimeFile } from "../runtime.ts";
import { systemError } from "../system_error.ts";
import { errorCode } from "../../lib/error_code.ts";

/** What asking the system for a lock comes to. */
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
  /** Asks for a lock that ends with the process. */
  tryLock(): Promise<LockAnswer>;
}

/** What locking needs of a runtime. */
export interface LockCalls {
  /** Makes a new file; `EEXIST` when anything has that name. */
  create(path: string): Promise<LockableFile>;
  /** Opens a file that is there. Follows no link, and waits for nobody. */
  open(path: string): Promise<LockableFile>;
  lstat(path: string): Promise<FileInfo | undefined>;
  remove(path: string): Promise<void>;
  readonly processId: number;
  /** Whether a process runs, `undefined` where this one may not know. */
  isAlive(processId: number): boolean | undefined;
}

/** Paths that this process has locked, or is about to. */
const inHand = new Set<string>();

/**
 * Locks a file that this call makes. One that is there already was left by a process that died, once the system gives
 * its lock away; it is replaced, because another user may have put it there. Where there are no such locks the file
 * holds the process id of its owner.
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
    if (file === undefined) continue; // its holder has just finished
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

/** A link is not followed and nothing else than a file of one name is opened: it would be somebody else's. */
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

/** What the file of a lock by process id says. One that says nothing was left half made. */
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
