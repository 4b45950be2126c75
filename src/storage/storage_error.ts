import { DownloadError } from "../errors.ts";
import { errorCode } from "../lib/error_code.ts";

/** Failures for which freeing space helps. */
const FULL: Readonly<Record<string, string>> = {
  ENOSPC: "no space left; free some and try again",
  EDQUOT: "the disk quota is used up; free some of it and try again",
};
const REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EBUSY: "another program has it open",
  EFBIG: "it is larger than this file system or the limit of this process (ulimit -f) allows",
  EISDIR: "it is a directory",
  EEXIST: "it exists already",
  ELOOP: "it is a symbolic link",
  ENAMETOOLONG: "the name is too long",
  ENOENT: "it does not exist",
  ENOTDIR: "a part of the path is not a directory",
  EPERM: "not permitted",
  EROFS: "the file system is read-only",
};

/** The error for a failed file operation. It says what could not be done and why. */
export function storageError(doing: string, path: string, cause: unknown): DownloadError {
  if (cause instanceof DownloadError) return cause;
  const code = errorCode(cause);
  const full = FULL[code ?? ""];
  if (full !== undefined) {
    return new DownloadError("disk_full", `Cannot ${doing} "${path}": ${full}`, { cause });
  }
  const reason = REASONS[code ?? ""] ?? (cause instanceof Error ? cause.message : String(cause));
  return new DownloadError("storage", `Cannot ${doing} "${path}": ${reason}`, { cause });
}
