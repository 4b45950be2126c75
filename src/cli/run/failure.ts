import { DownloadError, type DownloadErrorCode, HttpStatusError } from "../../errors.ts";
import { inFlags } from "../flags/flag_names.ts";
import { RefreshCommandError } from "./refresh_command.ts";

/** Exit statuses of the command. */
export const ExitStatus = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** Why a download did not finish, in the command's terms. */
export interface Failure {
  readonly exitStatus: typeof ExitStatus.failed | typeof ExitStatus.usage;
  readonly code: DownloadErrorCode | "usage" | "internal";
  readonly message: string;
  /** The HTTP status that the server answered, if that is why. */
  readonly httpStatus?: number;
  /** Whether the same command may succeed later. */
  readonly retryable: boolean;
}

/** Sorts what a download was rejected with. `tries` is how many were made, where that is known. */
export function describeFailure(error: unknown, tries?: number): Failure {
  const message = inFlags(error instanceof Error ? error.message : String(error));
  if (error instanceof DownloadError) {
    const { code, retryable, cause } = error;
    const refresh = cause instanceof RefreshCommandError ? `: ${cause.message}` : "";
    // A temporary failure is final only after all tries.
    const count = retryable && tries !== undefined && tries > 1 ? ` (${tries} tries)` : "";
    return {
      exitStatus: ExitStatus.failed,
      code,
      message: message + refresh + count,
      ...(error instanceof HttpStatusError ? { httpStatus: error.status } : {}),
      retryable,
    };
  }
  if (error instanceof TypeError || error instanceof RangeError) {
    return { exitStatus: ExitStatus.usage, code: "usage", message, retryable: false };
  }
  return { exitStatus: ExitStatus.failed, code: "internal", message, retryable: false };
}
