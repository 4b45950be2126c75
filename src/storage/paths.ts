import { basename, dirname, normalize, sep } from "node:path";
import { DownloadError } from "../errors.ts";
import { OptionTypeError } from "../option_error.ts";
import type { FileInfo, FileSystem, Runtime } from "../runtime/runtime.ts";
import { refusedByWindows } from "./file_name.ts";
import { errorCode } from "../lib/error_code.ts";
import { storageError } from "./storage_error.ts";

/** What a directory answers that may be written and not read, or on a file system that cannot sync one. */
const NOT_SYNCABLE = new Set(["EACCES", "EPERM", "EINVAL", "EISDIR", "ENOSYS", "ENOTSUP", "EOPNOTSUPP"]);

/** UTF-16 units in a name on Windows. */
const MAX_NAME_LENGTH = 255;

/** Looks at the path itself, links not followed; `undefined` when nothing is there. */
export async function lookAt(runtime: Runtime, path: string): Promise<FileInfo | undefined> {
  try {
    return await runtime.files.lstat(path);
  } catch (cause) {
    if (errorCode(cause) === "ELOOP") await refuseDeadLink(runtime.files, dirname(path));
    throw storageError("look at", path, cause);
  }
}

/** Refuses a path that cannot become a file, or not under this name, before anything else is done. */
export async function refuseDirectory(runtime: Runtime, path: string): Promise<void> {
  const isDirectory = /[/\\]$/.test(path) || (await lookAt(runtime, path))?.kind === "directory";
  if (isDirectory) {
    throw new OptionTypeError({
      option: "outputPath",
      subject: `outputPath "${path}"`,
      problem: "it is a directory",
      value: path,
      remedy: { before: "give a file's path, or ", options: ["outputDir"], how: "use outputDir" },
    });
  }
  if (sep === "\\") requireWindowsName(path);
}

/** Windows says of a name that it does not take no more than that nothing has it. */
function requireWindowsName(path: string): void {
  const name = basename(path);
  if (name.length > MAX_NAME_LENGTH) {
    throw new DownloadError("storage", `Cannot write "${path}": the name is too long`);
  }
  const refusal = refusedByWindows(name);
  if (refusal === undefined) return;
  throw new OptionTypeError({
    option: "outputPath",
    subject: `outputPath "${path}"`,
    problem: refusal,
    value: path,
  });
}

/** What leads to the files that a process has open. They are no places for a new file. */
const OPEN_FILES = /^\/(?:dev\/(?:std(?:in|out|err)$|fd\/)|proc\/)/;

/**
 * Refuses a device, a pipe, a socket and a link to one, which no file may replace: others use them by their name.
 * `/dev/null` replaced by a file is the end of a machine.
 */
export async function refuseSpecial(files: FileSystem, path: string): Promise<void> {
  const named = await files.lstat(path);
  // A link that leads nowhere is a link like any other.
  const found = named?.kind === "symlink" ? await files.stat(path).catch(() => undefined) : named;
  const isOpenFile = OPEN_FILES.test(normalize(path)) ||
    named?.kind === "symlink" && await isSameDirectory(files, dirname(path), "/dev");
  if (found?.kind !== "other" && !isOpenFile) return;
  throw new DownloadError(
    "storage",
    `Cannot write "${path}": it is a device, a pipe or a socket; choose another output`,
  );
}

/** A relative path, or one through a link, leads there as well. */
async function isSameDirectory(files: FileSystem, path: string, other: string): Promise<boolean> {
  if (!await files.mayRead(path) || !await files.mayRead(other)) return false;
  const [one, two] = await Promise.all([path, other].map((it) => files.stat(it).catch(() => undefined)));
  return one?.identity !== undefined && one.identity === two?.identity;
}

/** Refuses a directory behind a link that leads nowhere, for which the system has no clear error. */
export async function refuseDeadLink(files: FileSystem, path: string): Promise<void> {
  for (let at = path; dirname(at) !== at; at = dirname(at)) {
    if (!await files.mayRead(at)) return;
    const named = await files.lstat(at).catch(() => undefined);
    if (named?.kind !== "symlink") continue;
    const found = await files.stat(at).catch(() => undefined);
    if (found !== undefined) continue;
    throw new DownloadError(
      "storage",
      `Cannot write to "${path}": "${at}" is a symbolic link that leads nowhere; choose another directory`,
    );
  }
}

/** Makes a directory and those above it that are missing, and makes the names of these durable. */
export async function makeDirectories(files: FileSystem, path: string): Promise<void> {
  const made: string[] = [];
  for (let at = path; dirname(at) !== at && await isMissing(files, at); at = dirname(at)) made.unshift(at);
  try {
    await files.makeDirectory(path);
  } catch (cause) {
    if (errorCode(cause) !== "EEXIST") throw cause;
    throw Object.assign(new Error(`"${path}" is no directory`, { cause }), { code: "ENOTDIR" });
  }
  for (const directory of made) await syncName(files, directory);
}

async function isMissing(files: FileSystem, path: string): Promise<boolean> {
  return await files.mayRead(path) && await files.lstat(path) === undefined;
}

/** Where the directory above is not ours to read, its names become durable when the system sees to it. */
async function syncName(files: FileSystem, path: string): Promise<void> {
  const parent = dirname(path);
  if (await files.mayRead(parent)) await syncNames(files, parent);
}

/** Makes the names in a directory durable, as far as the system lets us. */
export async function syncNames(files: FileSystem, directory: string): Promise<void> {
  try {
    await files.syncDirectory(directory);
  } catch (cause) {
    if (!NOT_SYNCABLE.has(errorCode(cause) ?? "")) throw cause;
  }
}
