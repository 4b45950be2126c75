import { systemClock } from "../clock.ts";
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

/** A process writes its id into a new file, or removes an old one, in much less time. */
const MOMENT_MS = 100;
const SPACE = 0x20;

/** Paths that this process has locked or is locking. */
const inHand = new Set<string>();

/** Identities of the files that have the id of this process, by whatever path. */
const signed = new Set<string | undefined>();

/**
 * Locks a file that this call makes. If the system grants the lock of an existing file, a dead process left
 * that file. It is then replaced, because another user may have made it. Without system locks the file has
 * the process id of its owner. A runtime with system locks obeys such a process id as well.
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
      if (made === undefined) {
        if (await isOwned(calls, file, path, answer)) return undefined;
        if (answer !== "had") await removeInTurn(calls, file, path);
        else if (await infoIfNamed(calls, file, path) !== undefined) await calls.remove(path);
        continue;
      }
      if (answer !== "had" && !await sign(calls, file)) return undefined;
      const info = await infoIfNamed(calls, file, path);
      if (info === undefined) continue; // another process took it for left behind
      isKept = true;
      return { owner: info.owner, isWeak: answer === "refused", release: () => release(calls, file, path) };
    } finally {
      if (!isKept) await (made === undefined ? file.close() : closeOwn(file));
    }
  }
}

/**
 * Writes the process id into the file. Returns whether no process with a system lock has opened the file
 * meanwhile: that one locks first and reads then, so at least one of both sees the other.
 */
async function sign({ processId }: LockCalls, file: LockableFile): Promise<boolean> {
  signed.add((await file.stat()).identity);
  const text = new TextEncoder().encode(String(processId));
  await file.write(text, 0);
  if (await file.tryLock() !== "taken") return true;
  await file.write(text.fill(SPACE), 0);
  return false;
}

/**
 * Removes the lock file of a dead process. Between the look at the name and the removal another process could
 * do the same and make its own file, so one process at a time does it: the maker of a second file.
 */
async function removeInTurn(calls: LockCalls, file: LockableFile, path: string): Promise<void> {
  const turn = `${path.slice(0, -1)}~`;
  const made = await unless("EEXIST", calls.create(turn));
  if (made === undefined) return await endTurn(calls, turn);
  try {
    if (await infoIfNamed(calls, file, path) !== undefined) await calls.remove(path);
  } finally {
    await calls.remove(turn);
    await made.close();
  }
}

/** Waits a moment for the process whose turn it is, and removes the file of one that was killed. */
async function endTurn({ lstat, remove }: LockCalls, turn: string): Promise<void> {
  const before = await lstat(turn);
  if (before === undefined) return;
  await systemClock.sleep(MOMENT_MS);
  const after = await lstat(turn);
  if (after !== undefined && after.identity === before.identity) await remove(turn);
}

/** Describes the open file, if it still has the name. Its owner may have finished. */
async function infoIfNamed(
  { lstat }: LockCalls,
  file: LockableFile,
  path: string,
): Promise<FileInfo | undefined> {
  const info = await file.stat();
  const named = await lstat(path);
  return named !== undefined && named.identity === info.identity ? info : undefined;
}

async function release(calls: LockCalls, file: LockableFile, path: string): Promise<void> {
  try {
    await calls.remove(path);
  } finally {
    inHand.delete(path);
    await closeOwn(file);
  }
}

async function closeOwn(file: LockableFile): Promise<void> {
  try {
    if (signed.size > 0) signed.delete((await file.stat()).identity);
  } finally {
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

/** Whether the process named in an existing lock file runs. */
async function isOwned(
  calls: LockCalls,
  file: LockableFile,
  path: string,
  answer: LockAnswer,
): Promise<boolean> {
  let text = await textOf(file);
  if (text === "" && answer !== "had") {
    await systemClock.sleep(MOMENT_MS); // its maker may be about to write
    text = await textOf(file);
  }
  const owner = Number(text);
  if (!Number.isSafeInteger(owner) || owner <= 0) return false;
  // Otherwise a dead process had the same id.
  if (owner === calls.processId) return signed.has((await file.stat()).identity);
  const isAlive = calls.isAlive(owner);
  if (isAlive !== undefined) return isAlive;
  throw new Error(`"${path}" is of process ${owner}; if that is no download any more, remove the file`);
}

async function textOf(file: LockableFile): Promise<string> {
  const text = new Uint8Array(16);
  const length = await file.read(text, 0);
  return new TextDecoder().decode(text.subarray(0, length)).trim();
}

async function unless<T>(code: string, result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if (errorCode(error) === code) return undefined;
    throw error;
  }
}
