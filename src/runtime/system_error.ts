import { constants } from "node:os";
import { IS_WINDOWS } from "./in_use.ts";
import { errorCode } from "../lib/error_code.ts";

/** An error like those of the system. */
export function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: "${path}"`), { code });
}

/**
 * Gives an error of the file system the system's name as `code` where the runtime reported only the number:
 * "Disk quota exceeded (os error 122)" on Deno, `errno` -122 on Node.
 */
export async function coded<T>(result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    throw withCode(error);
  }
}

/** Sets that `code` on the error. */
export function withCode(error: unknown): unknown {
  // Windows has other error numbers.
  if (IS_WINDOWS || !(error instanceof Error)) return error;
  const known = errorCode(error);
  if (known !== undefined && known in constants.errno) return error;
  const number = "errno" in error
    ? -Number(error.errno)
    : Number(/\(os error (\d+)\)/.exec(error.message)?.[1]);
  const code = Object.entries(constants.errno).find(([, errno]) => errno === number)?.[0];
  return code === undefined ? error : Object.assign(error, { code });
}
