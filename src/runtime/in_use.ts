import { sep } from "node:path";
import { systemClock } from "./clock.ts";
import { errorCode } from "../lib/error_code.ts";

/**
 * Error codes of Windows while another program has the file open, or while a file of that name is being
 * removed.
 */
const IN_USE = new Set(["EACCES", "EBUSY", "EPERM"]);

/** Together more than a second. A virus scanner needs less. */
const WAITS_MS = [10, 20, 40, 80, 160, 320, 640];

/** Whether this is Windows, where the name of an open file cannot be reused. */
export const IS_WINDOWS = sep === "\\";

/** Runs an action that fails on Windows while another program has the file open. */
export const onFile: <T>(action: () => Promise<T>) => Promise<T> = IS_WINDOWS
  ? retryWhileInUse
  : (action) => action();

/** Repeats `action` for about a second while it fails because the file is in use. */
export async function retryWhileInUse<T>(action: () => Promise<T>): Promise<T> {
  for (const waitMs of WAITS_MS) {
    try {
      return await action();
    } catch (error) {
      if (!IN_USE.has(errorCode(error) ?? "")) throw error;
    }
    await systemClock.sleep(waitMs);
  }
  return await action();
}
