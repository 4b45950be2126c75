import { DownloadError, type DownloadErrorCode } from "../errors.ts";

/** Exit statuses of the command. */
export const ExitStatus = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** Why a download did not finish, in the command's terms. */
export interface Failure {
  readonly status: typeof ExitStatus.failed | typeof ExitStatus.usage;
  readonly code: DownloadErrorCode | "usage" | "internal";
  readonly message: string;
}

/** Sorts what a download was rejected with. */
export function describeFailure(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof DownloadError) return { status: ExitStatus.failed, code: error.code, message };
  if (error instanceof TypeError || error instanceof RangeError) {
    return { status: ExitStatus.usage, code: "usage", message };
  }
  return { status: ExitStatus.failed, code: "internal", message };
}
