import { DownloadError } from "../errors.ts";
import { errorCode } from "../lib/error_code.ts";
import type { RuntimeFile } from "../runtime/runtime.ts";
import { ForeignFileError, inTheWay, isOfAnother, type OpenedFile, openOwn } from "./own_file.ts";
import { statPath } from "./paths.ts";
import type { OutputPlace } from "./place.ts";
import { storageError } from "./storage_error.ts";

/** A file that is only read. The reader closes it. */
export type FileReader = Pick<RuntimeFile, "read" | "close">;

/** The part file of an output. Opens, creates and removes it, and knows whether it is ours. */
export class PartFile {
  readonly #place: OutputPlace;
  #file: RuntimeFile | undefined;
  #isOurs = false;

  constructor(place: OutputPlace) {
    this.#place = place;
  }

  get path(): string {
    return this.#place.names.part;
  }

  /** Whether a file with this name is known to be ours: a control file records it, or this download created it. */
  get isOurs(): boolean {
    return this.#isOurs;
  }

  /** Whether it is open for writing. */
  get isOpen(): boolean {
    return this.#file !== undefined;
  }

  /** Sets whether there is a control file. A control file shows that the part file is ours. */
  claim(hasControl: boolean): void {
    this.#isOurs = hasControl;
  }

  /** Opens the part file of an earlier run; `undefined` when it is missing or is not a regular file. */
  async open(): Promise<OpenedFile | undefined> {
    const { runtime, overwrite, owner } = this.#place;
    const named = await statPath(runtime, this.path);
    if (named?.kind !== "file") return undefined;
    try {
      const opened = await openOwn(runtime.files, this.path, "read-write", owner);
      this.#file = opened?.file;
      return opened;
    } catch (cause) {
      if (!(cause instanceof ForeignFileError)) throw storageError("open", this.path, cause);
      if (overwrite) return undefined;
      throw inTheWay(this.path, cause.message);
    }
  }

  /** Creates an empty part file. */
  async create(): Promise<RuntimeFile> {
    try {
      const file = await this.#place.runtime.files.create(this.path);
      this.#file = file;
      this.#isOurs = true;
      return file;
    } catch (cause) {
      if (errorCode(cause) !== "EEXIST") throw storageError("create", this.path, cause);
      this.#isOurs = false;
      throw this.#taken();
    }
  }

  /** Opens the part file a second time, only for reading. */
  async openReader(): Promise<FileReader> {
    try {
      const written = await this.#file?.stat();
      const opened = await openOwn(this.#place.runtime.files, this.path, "read-own", this.#place.owner);
      if (opened !== undefined && opened.info.identity === written?.identity) return opened.file;
      await opened?.file.close();
      throw new ForeignFileError("it was changed by another program; try again");
    } catch (cause) {
      throw storageError("open", this.path, cause);
    }
  }

  /** Frees the name for a new part file. Removes a file with the name only if it is ours or may be overwritten. */
  async clear(): Promise<void> {
    const { runtime, overwrite, owner } = this.#place;
    await this.close();
    const found = await statPath(runtime, this.path);
    if (found === undefined) return;
    if (!overwrite) {
      if (!this.#isOurs) throw this.#taken();
      if (isOfAnother(found, owner)) throw inTheWay(this.path, "it belongs to another user");
    }
    await this.#place.remove(this.path);
  }

  /**
   * Removes the part file if it is ours. The removal is durable, so that the control file may be removed next: no
   * power loss restores a part file without a control file.
   */
  async remove(): Promise<void> {
    await this.close();
    if (!this.#isOurs) return;
    await this.#place.removeOwn(this.path);
    await this.#place.syncDirectory("remove the part file of");
    this.#isOurs = false;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    try {
      await file?.close();
    } catch (cause) {
      throw storageError("close", this.path, cause);
    }
  }

  #taken(): DownloadError {
    return new DownloadError(
      "output_exists",
      `Cannot create "${this.path}": it exists without a control file`,
      { remedy: { before: "remove it or ", options: ["overwrite"], how: "turn overwrite on" } },
    );
  }
}
