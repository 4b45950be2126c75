import { DownloadError, type DownloadErrorCode, HttpStatusError } from "../../errors.ts";
import { inFlags } from "../flags/in_flags.ts";
import { RefreshCommandError } from "./refresh_command.ts";

/** Exit statuses of the command. */
export const ExitStatus = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** Why a download did not complete, as the command reports it. */
export interface Failure {
  readonly exitStatus: typeof ExitStatus.failed | typeof ExitStatus.usage;
  readonly code: DownloadErrorCode | "usage" | "internal";
  readonly message: string;
  /** Why a paused download could keep nothing. */
  readonly obstacle?: string;
  /** The HTTP status that caused the failure, if one did. */
  readonly httpStatus?: number;
  /** Whether the same command may succeed later. */
  readonly retryable: boolean;
}

/** Describes the error of a download. `tries` is the number of requests, where it is known. */
export function describeFailure(error: unknown, tries?: number): Failure {
  const message = inFlags(error);
  if (error instanceof DownloadError) {
    const { code, retryable, reason } = error;
    // A retryable failure ends a download only after its last retry.
    const count = retryable && tries !== undefined && tries > 1 ? ` (${tries} tries)` : "";
    return {
      exitStatus: ExitStatus.failed,
      code,
      message: (refreshFailure(error) ?? message) + count,
      ...(code === "paused" && reason !== error.message ? { obstacle: reason } : {}),
      ...(error instanceof HttpStatusError ? { httpStatus: error.status } : {}),
      retryable,
    };
  }
  if (error instanceof TypeError || error instanceof RangeError) {
    return { exitStatus: ExitStatus.usage, code: "usage", message, retryable: false };
  }
  return { exitStatus: ExitStatus.failed, code: "internal", message, retryable: false };
}

/** The message for a failed `--refresh-cmd`. */
function refreshFailure(error: DownloadError): string | undefined {
  if (!(error instanceof HttpStatusError && error.cause instanceof RefreshCommandError)) return undefined;
  const { status, cause } = error;
  return `Cannot fetch the file: the server answered ${status}, and --refresh-cmd failed: ${cause.message}`;
}
