import { basename } from "node:path";
import { DownloadError } from "../errors.ts";
import { OutputNames } from "../lib/output_names.ts";
import type { FileInfo, FileLock, Runtime, RuntimeFile } from "../runtime/runtime.ts";
import { type ControlRecord, isComplete } from "./control_record.ts";
import { ControlStore, type LoadedControl, requireReplaceable } from "./control_store.ts";
import { giveName, nameTaken, requireIntact } from "./final_name.ts";
import { HeldPart } from "./held_part.ts";
import { ForeignFileError, inTheWay, isOfAnother, type OpenedFile, openOwn, removeOwn } from "./own_file.ts";
import { lookAt, makeDirectories, refuseDeadLink, refuseSpecial, syncNames } from "./paths.ts";
import { errorCode } from "../lib/error_code.ts";
import { storageError } from "./storage_error.ts";

/**
 * The place of one download on disk: its part file, control file and lock, all beside the finished file so
 * that giving it its name is one step. Whoever holds an `Output` holds its lock.
 */
export class Output {
  readonly path: string;
  readonly partPath: string;
  readonly names: OutputNames;
  readonly control: ControlStore;
  readonly #runtime: Runtime;
  readonly #overwrite: boolean;
  readonly #directory: string;
  readonly #lock: FileLock;
  #part: RuntimeFile | undefined;
  #ownsPart = false;

  private constructor(runtime: Runtime, names: OutputNames, overwrite: boolean, lock: FileLock) {
    this.names = names;
    this.path = names.path;
    this.partPath = names.part;
    this.#runtime = runtime;
    this.#overwrite = overwrite;
    this.#directory = names.directory;
    this.control = new ControlStore(runtime, names, lock);
    this.#lock = lock;
  }

  /** Takes the output for this download alone. */
  static async acquire(runtime: Runtime, path: string, overwrite: boolean): Promise<Output> {
    const names = new OutputNames(path);
    const lock = await takeLock(runtime, names);
    if (lock === undefined) {
      throw new DownloadError(
        "output_locked",
        `Cannot write "${path}": another download is writing it; wait for that one or choose another output`,
      );
    }
    return new Output(runtime, names, overwrite, lock);
  }

  /** Whether the disk has no locks, so that another machine, or a program of another kind, may write here as well. */
  get isWeaklyLocked(): boolean {
    return this.#lock.isWeak;
  }

  /** Whether the file under the final name belongs to another user. */
  async isOfAnother(): Promise<boolean> {
    const found = await lookAt(this.#runtime, this.path);
    return found !== undefined && isOfAnother(found, this.#lock.owner);
  }

  /** Names the output in the same way whatever path leads to its directory; `undefined` where nothing tells. */
  async place(): Promise<string | undefined> {
    const { files } = this.#runtime;
    if (!await files.mayRead(this.#directory)) return undefined;
    const identity = (await files.stat(this.#directory).catch(() => undefined))?.identity;
    return identity === undefined ? undefined : `${identity}\0${basename(this.path)}`;
  }

  /**
   * Looks for a file under the final name. Returns its size when an earlier run had finished it and was
   * killed before it could clean up, `undefined` when the name is free or may be replaced. That it is the file that was
   * asked for shows its control file, of which `isAskedFor` tells whether it is of the same URL.
   */
  async findFinished(isAskedFor: (record: ControlRecord) => boolean): Promise<number | undefined> {
    const found = await lookAt(this.#runtime, this.path);
    if (found === undefined) return undefined;
    if (await this.#isFinished(found, isAskedFor)) return found.size;
    // What is to be replaced may be of another URL; what is left of it is gone on with if it is not.
    if (found.kind !== "directory" && this.#overwrite) return undefined;
    // It was held in memory, and nothing tells of what URL it is.
    const { temporary } = this.names;
    if (await this.#isTwin(temporary, found)) await this.#removeOwn(temporary);
    throw nameTaken(this.path, found.kind);
  }

  /** Makes the name durable that an earlier run gave, and removes what it left. */
  async finishAnew(): Promise<void> {
    await this.#syncDirectory("finish");
    await this.#cleanUp();
  }

  /** Loads the control file; where there is one, the part file is known to be ours. */
  async loadControl(): Promise<LoadedControl> {
    const loaded = await this.control.load(this.#overwrite);
    this.#ownsPart = loaded.kind !== "missing";
    return loaded;
  }

  /** Whether a file under the name of the part file is known to be ours. */
  get ownsPart(): boolean {
    return this.#ownsPart;
  }

  /** Opens the part file of an earlier run; `undefined` when there is none, or something that is no file. */
  async openPart(): Promise<OpenedFile | undefined> {
    const named = await lookAt(this.#runtime, this.partPath);
    if (named?.kind !== "file") return undefined;
    try {
      const opened = await openOwn(this.#runtime.files, this.partPath, "read-write", this.#lock.owner);
      this.#part = opened?.file;
      return opened;
    } catch (cause) {
      if (!(cause instanceof ForeignFileError)) throw storageError("open", this.partPath, cause);
      if (this.#overwrite) return undefined;
      throw inTheWay(this.partPath, cause.message);
    }
  }

  /**
   * Makes room for a part file. One that is there already is removed only when it is ours, or when overwriting
   * was asked for.
   */
  async clearPart(): Promise<void> {
    await this.#closePart();
    const found = await lookAt(this.#runtime, this.partPath);
    if (found === undefined) return;
    if (!this.#overwrite) {
      if (!this.#ownsPart) throw this.#partTaken();
      if (isOfAnother(found, this.#lock.owner)) throw inTheWay(this.partPath, "it belongs to another user");
    }
    await this.#remove(this.partPath);
  }

  /** Makes an empty part file. */
  async createPart(): Promise<RuntimeFile> {
    try {
      const file = await this.#runtime.files.create(this.partPath);
      this.#part = file;
      this.#ownsPart = true;
      return file;
    } catch (cause) {
      if (errorCode(cause) !== "EEXIST") throw storageError("create", this.partPath, cause);
      this.#ownsPart = false;
      throw this.#partTaken();
    }
  }

  /** As `createPart`, for `size` bytes that stay in memory; `create` makes the part file if one is needed after all. */
  holdPart(size: number, create: () => Promise<RuntimeFile>): RuntimeFile {
    return this.#part = new HeldPart(size, create);
  }

  /** Whether the part is in memory alone. */
  get isPartHeld(): boolean {
    return this.#part instanceof HeldPart;
  }

  /** Opens the part file once more, for somebody who only reads it and closes it. */
  async openPartToRead(): Promise<Pick<RuntimeFile, "read" | "close">> {
    const part = this.#part;
    if (part instanceof HeldPart) {
      return { read: (buffer, position) => part.read(buffer, position), close: () => Promise.resolve() };
    }
    try {
      const written = await part?.stat();
      const opened = await openOwn(this.#runtime.files, this.partPath, "read-own", this.#lock.owner);
      if (opened !== undefined && opened.info.identity === written?.identity) return opened.file;
      await opened?.file.close();
      throw new ForeignFileError("it was changed by another program; run it again");
    } catch (cause) {
      throw storageError("open", this.partPath, cause);
    }
  }

  /** Refuses a download that cannot fit on the disk, where free space can be told. */
  async requireSpace(bytes: number): Promise<void> {
    const free = await this.#runtime.files.freeSpace(this.#directory);
    if (free === undefined || free >= bytes) return;
    throw new DownloadError(
      "disk_full",
      `Cannot store "${this.path}": ${bytes} bytes are needed and ${free} are free in "${this.#directory}"`,
    );
  }

  /**
   * Gives the part file, which must be whole with `size` bytes and durable, its final name. Nothing is given
   * once `signal` is aborted.
   */
  async commit(file: RuntimeFile, size: number, signal: AbortSignal): Promise<void> {
    if (this.#part instanceof HeldPart) return await this.#commitHeld(this.#part, signal);
    await requireIntact(this.#runtime, file, this.partPath, size, this.path);
    signal.throwIfAborted();
    await this.#closePart();
    await giveName(this.#runtime.files, this.partPath, this.path, this.#overwrite);
    await this.#syncDirectory("finish");
    await this.#cleanUp();
  }

  /**
   * Gives what failed its checksum the name for that, in place of an earlier one, and returns it. Nothing else is left of
   * the download, so that no later run takes it for progress.
   */
  async keepMismatch(): Promise<string> {
    const { mismatch, temporary } = this.names;
    const part = this.#part;
    const { files } = this.#runtime;
    try {
      await requireReplaceable(files, mismatch, this.#lock.owner);
      if (part instanceof HeldPart) await this.#writeHeld(part, temporary);
      await this.#closePart();
      await files.rename(part instanceof HeldPart ? temporary : this.partPath, mismatch);
    } catch (cause) {
      throw storageError("keep what failed its checksum as", mismatch, cause);
    }
    await this.discard();
    return mismatch;
  }

  /** Removes the part file, if it is ours, and all that belongs to it. */
  async discard(): Promise<void> {
    await this.#removeOwnPart();
    await this.control.remove();
  }

  /** Removes the part file, if it is ours, and gives the control file another name, which it returns. */
  async setAside(): Promise<string> {
    await this.#removeOwnPart();
    return await this.control.setAside();
  }

  /** Whether the part file can still be written. */
  get isPartOpen(): boolean {
    return this.#part !== undefined;
  }

  /** Closes the part file and lets others have the output. */
  async release(): Promise<void> {
    try {
      await this.#closePart();
    } finally {
      await this.#lock.release().catch((cause) => {
        throw storageError("unlock", this.path, cause);
      });
    }
  }

  /** Writes what was held in memory, under a name that is ours whatever happens, and gives it the final one. */
  async #commitHeld(held: HeldPart, signal: AbortSignal): Promise<void> {
    const path = this.names.temporary;
    try {
      await this.#writeHeld(held, path);
      signal.throwIfAborted();
      await giveName(this.#runtime.files, path, this.path, this.#overwrite);
    } catch (error) {
      await this.#removeOwn(path).catch(() => {}); // the failure that counts is `error`
      throw error;
    }
    await this.#closePart();
    await this.#syncDirectory("finish");
    await this.#remove(path);
  }

  async #writeHeld({ bytes }: HeldPart, path: string): Promise<void> {
    try {
      const file = await this.control.createTemporary();
      try {
        await file.write(bytes, 0);
        await file.sync();
        await requireIntact(this.#runtime, file, path, bytes.length, this.path);
      } finally {
        await file.close();
      }
    } catch (cause) {
      throw storageError("write", path, cause);
    }
  }

  /** Whether a file is the part file of a control file that has all of it, and was not written to since. */
  async #isFinished(found: FileInfo, isAskedFor: (record: ControlRecord) => boolean): Promise<boolean> {
    if (found.kind !== "file" || found.identity === undefined || isOfAnother(found, this.#lock.owner)) {
      return false;
    }
    const loaded = await this.control.load().catch(() => undefined); // what is wrong with it is told later
    if (loaded?.kind !== "record") return false;
    const { record } = loaded;
    const { file, part } = record;
    return part?.identity === found.identity && part.modifiedMs === found.modifiedMs &&
      file.size === found.size && isComplete(record) && isAskedFor(record);
  }

  async #isTwin(path: string, { identity }: FileInfo): Promise<boolean> {
    return identity !== undefined && (await lookAt(this.#runtime, path))?.identity === identity;
  }

  /** Removes what a finished run has no more use for. The control file goes last: it tells that the run was finished. */
  async #cleanUp(): Promise<void> {
    await this.#removeOwn(this.partPath);
    await this.control.remove();
  }

  async #syncDirectory(doing: string): Promise<void> {
    try {
      await syncNames(this.#runtime.files, this.#directory);
    } catch (cause) {
      throw storageError(doing, this.path, cause);
    }
  }

  #partTaken(): DownloadError {
    return new DownloadError(
      "output_exists",
      `Cannot create "${this.partPath}": it exists and no control file tells what it is; remove it or ask to overwrite`,
    );
  }

  /** Once this returns the control file may go, without which nobody owns a part file: a power loss brings none back. */
  async #removeOwnPart(): Promise<void> {
    await this.#closePart();
    if (!this.#ownsPart) return;
    await this.#removeOwn(this.partPath);
    await this.#syncDirectory("remove the part file of");
    this.#ownsPart = false;
  }

  async #remove(path: string): Promise<void> {
    try {
      await this.#runtime.files.remove(path);
    } catch (cause) {
      throw storageError("remove", path, cause);
    }
  }

  async #removeOwn(path: string): Promise<void> {
    try {
      await removeOwn(this.#runtime.files, path, this.#lock.owner);
    } catch (cause) {
      throw storageError("remove", path, cause);
    }
  }

  async #closePart(): Promise<void> {
    const part = this.#part;
    this.#part = undefined;
    try {
      await part?.close();
    } catch (cause) {
      throw storageError("close", this.partPath, cause);
    }
  }
}

/** Locks an output, whose directory is made when it is missing. */
async function takeLock(
  { files }: Runtime,
  { path, directory, lock }: OutputNames,
): Promise<FileLock | undefined> {
  try {
    await refuseSpecial(files, path);
    return await files.lock(lock).catch(async (cause) => {
      if (errorCode(cause) !== "ENOENT") throw cause;
      await refuseDeadLink(files, directory);
      await makeDirectories(files, directory);
      return await files.lock(lock);
    });
  } catch (cause) {
    if (errorCode(cause) === "ELOOP") await refuseDeadLink(files, directory);
    const isRefused = errorCode(cause) === "EACCES" || errorCode(cause) === "EPERM";
    const isThere = isRefused && await files.lstat(lock).catch(() => undefined) !== undefined;
    if (!isThere) throw storageError("write beside", path, cause);
    throw new DownloadError(
      "storage",
      `Cannot write "${path}": "${lock}" may not be replaced, as another user may be writing it; wait, remove that file or choose another output`,
      { cause },
    );
  }
}
