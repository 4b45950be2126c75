import { ControlFileError } from "../errors.ts";
import type { Runtime, RuntimeFile } from "../runtime/runtime.ts";
import { type ControlRecord, decodeControl, type DecodedControl, encodeControl } from "./control_format.ts";
import { syncNames } from "./paths.ts";
import { errorCode, storageError } from "./storage_error.ts";

/** What looking for a control file came to. */
export type LoadedControl = DecodedControl | { readonly kind: "missing" };

const MAX_FILE_BYTES = 16 * 1024 * 1024;

/** Keeps control files. Only the holder of the output's lock may use it. */
export class ControlStore {
  readonly #runtime: Runtime;
  /** Where a file is prepared; what has this name is ours. */
  readonly temporaryPath: string;
  readonly #path: string;
  readonly #directory: string;

  constructor(runtime: Runtime, path: string, directory: string) {
    this.#runtime = runtime;
    this.#path = path;
    this.temporaryPath = `${path}.tmp`;
    this.#directory = directory;
  }

  async load(): Promise<LoadedControl> {
    try {
      const bytes = await this.#read();
      return bytes === undefined ? { kind: "missing" } : decodeControl(bytes, this.#path);
    } catch (cause) {
      throw storageError("read the control file", this.#path, cause);
    }
  }

  /** Replaces the control file at once and durably; when that fails the old one stays in force. */
  async save(record: ControlRecord): Promise<void> {
    const { files } = this.#runtime;
    try {
      await this.#writeTemporary(encodeControl(record));
      await files.rename(this.temporaryPath, this.#path);
      await syncNames(files, this.#directory);
    } catch (cause) {
      await files.remove(this.temporaryPath).catch(() => {}); // the failure that counts is `cause`
      throw storageError("save the control file", this.#path, cause);
    }
  }

  /** Gives a control file that cannot be used another name, and returns that. */
  async setAside(): Promise<string> {
    const aside = `${this.#path}.bad`;
    try {
      await this.#runtime.files.rename(this.#path, aside);
    } catch (cause) {
      throw storageError("set aside", this.#path, cause);
    }
    return aside;
  }

  async remove(): Promise<void> {
    try {
      await this.#runtime.files.remove(this.#path);
      await this.#runtime.files.remove(this.temporaryPath);
    } catch (cause) {
      throw storageError("remove", this.#path, cause);
    }
  }

  async #read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const { files } = this.#runtime;
    const info = await files.lstat(this.#path);
    if (info === undefined) return undefined;
    if (info.kind !== "file") {
      throw new ControlFileError(this.#path, `Cannot use "${this.#path}": it is no regular file; remove it`);
    }
    if (info.size > MAX_FILE_BYTES) return new Uint8Array(0);
    const file = await files.open(this.#path, "read");
    try {
      const bytes = new Uint8Array(info.size);
      let length = 0;
      for (let read = -1; read !== 0 && length < bytes.length; length += read) {
        read = await file.read(bytes.subarray(length), length);
      }
      return bytes.subarray(0, length);
    } finally {
      await file.close();
    }
  }

  async #writeTemporary(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const file = await this.createTemporary();
    try {
      await file.write(bytes, 0);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  /** What has the temporary name was left by a process that died: we hold the lock. */
  async createTemporary(): Promise<RuntimeFile> {
    const { files } = this.#runtime;
    try {
      return await files.create(this.temporaryPath);
    } catch (error) {
      if (errorCode(error) !== "EEXIST") throw error;
      await files.remove(this.temporaryPath);
      return await files.create(this.temporaryPath);
    }
  }
}
