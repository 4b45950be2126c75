import { writeTemporary } from "./commit.ts";
import { requireReplaceable } from "./own_file.ts";
import type { Output } from "./output.ts";
import { storageError } from "./storage_error.ts";

/** Removes the part file, if it is ours, and the control file. */
export async function discard({ part, control }: Output): Promise<void> {
  await part.remove();
  await control.remove();
}

/** Removes the part file, if it is ours. Renames the control file and returns its new name. */
export async function setAside({ part, control }: Output): Promise<string> {
  await part.remove();
  return await control.setAside();
}

/**
 * Keeps a file that failed its checksum as `<name>.mismatch`, replacing an earlier one, and returns that path. The
 * file is the part file, or `bytes` that are only in memory. All other files of the download are removed, so that no
 * later run resumes from them.
 */
export async function keepMismatch(output: Output, bytes?: Uint8Array<ArrayBuffer>): Promise<string> {
  const { part, place: { runtime: { files }, names, owner } } = output;
  const { mismatch, temporary } = names;
  try {
    await requireReplaceable(files, mismatch, owner);
    if (bytes !== undefined) await writeTemporary(output, bytes);
    await part.close();
    await files.rename(bytes === undefined ? part.path : temporary, mismatch);
  } catch (cause) {
    throw storageError("rename the file that failed its checksum to", mismatch, cause);
  }
  await discard(output);
  return mismatch;
}

/** Removes what `keepMismatch()` kept. */
export async function removeMismatch({ place }: Output): Promise<void> {
  await place.removeOwn(place.names.mismatch);
}
