import { sep } from "node:path";
import { systemClock } from "./clock.ts";
import { errorCode } from "../lib/error_code.ts";

/** What Windows answers while another program has the file open, or a file of that name is still being removed. */
const IN_USE = new Set(["EACCES", "EBUSY", "EPERM"]);

/** More than a second in all: a program that scans every new file needs less. */
const WAITS_MS = [10, 20, 40, 80, 160, 320, 640];

/** Whether this is Windows, where an open file keeps its name from being taken. */
export const IS_WINDOWS = sep === "\\";

/** Does what fails on Windows while the file is open elsewhere. */
export const onFile: <T>(action: () => Promise<T>) => Promise<T> = IS_WINDOWS
  ? retryWhileInUse
  : (action) => action();

/** Tries `action` again, for a second or so, while it fails because the file is in use. */
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
