import { DownloadError } from "../errors.ts";

/** The system's name for a failure, such as `ENOSPC`. */
export function errorCode(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

const FULL = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);
const REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EBUSY: "another program has it open",
  EISDIR: "it is a directory",
  EEXIST: "it exists already",
  ELOOP: "it is a symbolic link",
  ENAMETOOLONG: "the name is too long",
  ENOENT: "it does not exist",
  ENOTDIR: "a part of the path is no directory",
  EPERM: "not permitted",
  EROFS: "the file system is read-only",
};

/** Makes a failed file operation an error that says what could not be done, and why. */
export function storageError(doing: string, path: string, cause: unknown): DownloadError {
  if (cause instanceof DownloadError) return cause;
  const code = errorCode(cause);
  if (code !== undefined && FULL.has(code)) {
    return new DownloadError(
      "disk_full",
      `Cannot ${doing} "${path}": no space left; free some and run it again`,
      {
        cause,
      },
    );
  }
  const reason = REASONS[code ?? ""] ?? (cause instanceof Error ? cause.message : String(cause));
  return new DownloadError("storage", `Cannot ${doing} "${path}": ${reason}`, { cause });
}
