import { constants } from "node:os";
import { IS_WINDOWS } from "./in_use.ts";
import { errorCode } from "../lib/error_code.ts";

/** An error like those of the system. */
export function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: "${path}"`), { code });
}

/**
 * Adds the system's error name as `code` if the runtime reported only the number: "Disk quota exceeded (os
 * error 122)".
 */
export function withCode(error: unknown): unknown {
  // Windows has other error numbers.
  if (IS_WINDOWS) return error;
  if (!(error instanceof Error) || errorCode(error) !== undefined) return error;
  const number = Number(/\(os error (\d+)\)/.exec(error.message)?.[1]);
  const code = Object.entries(constants.errno).find(([, errno]) => errno === number)?.[0];
  return code === undefined ? error : Object.assign(error, { code });
}
