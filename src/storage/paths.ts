import { basename, dirname, normalize, sep } from "node:path";
import { DownloadError } from "../errors.ts";
import { OptionTypeError } from "../option_error.ts";
import type { FileInfo, FileSystem, Runtime } from "../runtime/runtime.ts";
import { refusedByWindows } from "./file_name.ts";
import { errorCode } from "../lib/error_code.ts";
import { storageError } from "./storage_error.ts";

/** Failures of syncing a directory that may be written but not read, or whose file system cannot sync directories. */
const NOT_SYNCABLE = new Set(["EACCES", "EPERM", "EINVAL", "EISDIR", "ENOSYS", "ENOTSUP", "EOPNOTSUPP"]);

/** The most UTF-16 units in a name on Windows. */
const MAX_NAME_LENGTH = 255;

/** The attributes of a path; links are not followed. `undefined` when the path does not exist. */
export async function statPath(runtime: Runtime, path: string): Promise<FileInfo | undefined> {
  try {
    return await runtime.files.lstat(path);
  } catch (cause) {
    if (errorCode(cause) === "ELOOP") await refuseDeadLink(runtime.files, dirname(path));
    throw storageError("inspect", path, cause);
  }
}

/** Throws for a path that cannot become a file of this name. Called before anything else is done. */
export async function refuseDirectory(runtime: Runtime, path: string): Promise<void> {
  const isDirectory = /[/\\]$/.test(path) || (await statPath(runtime, path))?.kind === "directory";
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

/** Throws for a name that Windows does not allow. Windows itself only reports that no file has the name. */
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

/** Paths that lead to open files of a process. No new file can be created there. */
const OPEN_FILES = /^\/(?:dev\/(?:std(?:in|out|err)$|fd\/)|proc\/)/;

/**
 * Throws for a device, a pipe, a socket and a link to one. No file may replace them, because other programs use them
 * by name. A machine whose `/dev/null` was replaced by a file no longer works.
 */
export async function refuseSpecial(files: FileSystem, path: string): Promise<void> {
  const named = await files.lstat(path);
  // A link that leads nowhere is not special.
  const found = named?.kind === "symlink" ? await files.stat(path).catch(() => undefined) : named;
  const isOpenFile = OPEN_FILES.test(normalize(path)) ||
    named?.kind === "symlink" && await isSameDirectory(files, dirname(path), "/dev");
  if (found?.kind !== "other" && !isOpenFile) return;
  throw new DownloadError(
    "storage",
    `Cannot write "${path}": it is a device, a pipe or a socket; choose another output`,
  );
}

/** Whether two paths, perhaps relative or through links, lead to the same directory. */
async function isSameDirectory(files: FileSystem, path: string, other: string): Promise<boolean> {
  if (!await files.mayRead(path) || !await files.mayRead(other)) return false;
  const [one, two] = await Promise.all([path, other].map((it) => files.stat(it).catch(() => undefined)));
  return one?.identity !== undefined && one.identity === two?.identity;
}

/** Throws for a directory whose path has a link that leads nowhere. The system has no clear error for that. */
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

/** Creates a directory and its missing parents, and makes their names durable. */
export async function makeDirectories(files: FileSystem, path: string): Promise<void> {
  const made: string[] = [];
  for (let at = path; dirname(at) !== at && await isMissing(files, at); at = dirname(at)) made.unshift(at);
  try {
    await files.makeDirectory(path);
  } catch (cause) {
    if (errorCode(cause) !== "EEXIST") throw cause;
    throw Object.assign(new Error(`"${path}" is not a directory`, { cause }), { code: "ENOTDIR" });
  }
  for (const directory of made) await syncName(files, directory);
}

async function isMissing(files: FileSystem, path: string): Promise<boolean> {
  return await files.mayRead(path) && await files.lstat(path) === undefined;
}

/** Makes a name durable, unless the directory above may not be read. The system then does it later. */
async function syncName(files: FileSystem, path: string): Promise<void> {
  const parent = dirname(path);
  if (await files.mayRead(parent)) await syncNames(files, parent);
}

/** Makes the names in a directory durable, as far as the system allows it. */
export async function syncNames(files: FileSystem, directory: string): Promise<void> {
  try {
    await files.syncDirectory(directory);
  } catch (cause) {
    if (!NOT_SYNCABLE.has(errorCode(cause) ?? "")) throw cause;
  }
}
