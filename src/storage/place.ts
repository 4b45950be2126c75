import type { OutputNames } from "../lib/output_names.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { removeOwn } from "./own_file.ts";
import { syncNames } from "./paths.ts";
import { storageError } from "./storage_error.ts";

/** The directory of an output and the files beside it, and which files may be changed there. */
export class OutputPlace {
  readonly runtime: Runtime;
  readonly names: OutputNames;
  /** Whether foreign files may be replaced. */
  readonly overwrite: boolean;
  /** The user who owns our files; `undefined` where there are no users. */
  readonly owner: number | undefined;

  constructor(
    { runtime, names, overwrite, owner }: Pick<OutputPlace, "runtime" | "names" | "overwrite" | "owner">,
  ) {
    this.runtime = runtime;
    this.names = names;
    this.overwrite = overwrite;
    this.owner = owner;
  }

  /** Removes one file, whichever user owns it. */
  async remove(path: string): Promise<void> {
    try {
      await this.runtime.files.remove(path);
    } catch (cause) {
      throw storageError("remove", path, cause);
    }
  }

  /** Removes one file, unless another user owns it. */
  async removeOwn(path: string): Promise<void> {
    try {
      await removeOwn(this.runtime.files, path, this.owner);
    } catch (cause) {
      throw storageError("remove", path, cause);
    }
  }

  /** Makes the names in the directory durable. `doing` names the purpose in the error. */
  async syncDirectory(doing: string): Promise<void> {
    try {
      await syncNames(this.runtime.files, this.names.directory);
    } catch (cause) {
      throw storageError(doing, this.names.path, cause);
    }
  }
}
