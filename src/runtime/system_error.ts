import { constants } from "node:os";
import { IS_WINDOWS } from "./in_use.ts";
import { errorCode } from "../lib/error_code.ts";

/** An error as the system makes it. */
export function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: "${path}"`), { code });
}

/**
 * Gives an error the system's name for it, as `code`, where the runtime told the number alone: "Disk quota exceeded (os
 * error 122)".
 */
export function withCode(error: unknown): unknown {
  // There the numbers are of another kind.
  if (IS_WINDOWS) return error;
  if (!(error instanceof Error) || errorCode(error) !== undefined) return error;
  const number = Number(/\(os error (\d+)\)/.exec(error.message)?.[1]);
  const code = Object.entries(constants.errno).find(([, errno]) => errno === number)?.[0];
  return code === undefined ? error : Object.assign(error, { code });
}
