import { basename } from "node:path";
import { DownloadError } from "../errors.ts";
import { OutputNames } from "../lib/output_names.ts";
import type { FileLock, Runtime } from "../runtime/runtime.ts";
import { ControlStore } from "./control_store.ts";
import { lockOutput } from "./output_lock.ts";
import { isOfAnother } from "./own_file.ts";
import { PartFile } from "./part_file.ts";
import { statPath } from "./paths.ts";
import { OutputPlace } from "./place.ts";
import { storageError } from "./storage_error.ts";

/**
 * The output of one download: the final name, and the part file, the control file and the lock beside it. An
 * `Output` is locked until it is released. `inspect()` finds what an earlier run left. `commit.ts` and `discard.ts`
 * finish the output.
 */
export class Output {
  readonly place: OutputPlace;
  readonly control: ControlStore;
  readonly part: PartFile;
  readonly #lock: FileLock;

  private constructor(place: OutputPlace, lock: FileLock) {
    this.place = place;
    this.control = new ControlStore(place.runtime, place.names, lock);
    this.part = new PartFile(place);
    this.#lock = lock;
  }

  /** Locks the output for this download. */
  static async acquire(runtime: Runtime, path: string, overwrite: boolean): Promise<Output> {
    const names = new OutputNames(path);
    const lock = await lockOutput(runtime.files, names);
    return new Output(new OutputPlace({ runtime, names, overwrite, owner: lock.owner }), lock);
  }

  /** The final name. */
  get path(): string {
    return this.place.names.path;
  }

  /** Whether the disk has no locks, so that another machine or another kind of program may also write the output. */
  get isWeaklyLocked(): boolean {
    return this.#lock.isWeak;
  }

  /** Whether the file under the final name belongs to another user. */
  async isOfAnother(): Promise<boolean> {
    const found = await statPath(this.place.runtime, this.path);
    return found !== undefined && isOfAnother(found, this.place.owner);
  }

  /**
   * Identifies the output, whatever path leads to its directory; `undefined` where the system does not identify
   * directories.
   */
  async identity(): Promise<string | undefined> {
    const { runtime: { files }, names: { directory } } = this.place;
    if (!await files.mayRead(directory)) return undefined;
    const identity = (await files.stat(directory).catch(() => undefined))?.identity;
    return identity === undefined ? undefined : `${identity}\0${basename(this.path)}`;
  }

  /** Throws where the disk is known to have less free space than a download needs. */
  async requireSpace(bytes: number): Promise<void> {
    const { runtime: { files }, names: { directory } } = this.place;
    const free = await files.freeSpace(directory);
    if (free === undefined || free >= bytes) return;
    throw new DownloadError(
      "disk_full",
      `Cannot store "${this.path}": ${bytes} bytes are needed and ${free} are free in "${directory}"`,
    );
  }

  /** Closes the part file and the journal, and unlocks the output. */
  async release(): Promise<void> {
    try {
      await this.control.journal.end();
      await this.part.close();
    } finally {
      await this.#lock.release().catch((cause) => {
        throw storageError("unlock", this.path, cause);
      });
    }
  }
}
