import type { FileHandle } from "node:fs/promises";
import type { LockAnswer } from "../lock/lock.ts";
import { lockWith } from "../lock/node_lock.ts";
import { nodeFs } from "../node_fs.ts";
import type { FileLock } from "../runtime.ts";

/** Locks a file by process id, because Node has no call for the system's locks. */
export function lockFile(path: string): Promise<FileLock | undefined> {
  return lockWith(tryLock, path);
}

/** Linux lists the system's locks, so that those of Deno and Bun are seen there. */
async function tryLock(file: FileHandle): Promise<LockAnswer> {
  const locks = await nodeFs().promises.readFile("/proc/locks", "latin1").catch(() => "");
  if (locks === "") return "absent";
  const { ino } = await file.stat({ bigint: true });
  // Some file systems list another volume than they report for the file, so only its number counts.
  return new RegExp(`FLOCK .*:${ino} 0 EOF$`, "m").test(locks) ? "taken" : "absent";
}
