import type { RuntimeFile } from "../runtime/runtime.ts";
import { giveName, requireIntact } from "./final_name.ts";
import type { Output } from "./output.ts";
import { storageError } from "./storage_error.ts";
import { createTemporary } from "./temporary_file.ts";

/**
 * Gives the part file, which must have all `size` bytes and be durable, its final name. Gives none once `signal` is
 * aborted.
 */
export async function commitPart(
  output: Output,
  file: RuntimeFile,
  size: number,
  signal: AbortSignal,
): Promise<void> {
  const { part, path, place: { runtime, overwrite } } = output;
  await requireIntact(output, file, part.path, size);
  signal.throwIfAborted();
  await part.close();
  await giveName(runtime.files, part.path, path, overwrite);
  await finishCommit(output);
}

/** Makes the final name of a part file durable, and removes the rest. The control file goes last: it says that all is there. */
export async function finishCommit({ part, control, place }: Output): Promise<void> {
  await place.syncDirectory("finish");
  await place.removeOwn(part.path);
  await control.remove();
}

/** Writes a file from memory under the temporary name, and gives it its final one. `finishBytes()` comes next. */
export async function commitBytes(
  output: Output,
  bytes: Uint8Array<ArrayBuffer>,
  signal: AbortSignal,
): Promise<void> {
  const { path, place: { runtime, names: { temporary }, overwrite } } = output;
  try {
    await writeTemporary(output, bytes);
    signal.throwIfAborted();
    await giveName(runtime.files, temporary, path, overwrite);
  } catch (error) {
    await output.place.removeOwn(temporary).catch(() => {}); // the failure that counts is `error`
    throw error;
  }
}

/** Makes the final name of a file from memory durable, and removes its other one. */
export async function finishBytes({ place }: Output): Promise<void> {
  await place.syncDirectory("finish");
  await place.remove(place.names.temporary);
}

/** Makes a durable file of `bytes` under the temporary name. */
export async function writeTemporary(output: Output, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const { runtime, names: { temporary }, owner } = output.place;
  try {
    const file = await createTemporary(runtime.files, temporary, owner);
    try {
      await file.write(bytes, 0);
      await file.sync();
      await requireIntact(output, file, temporary, bytes.length);
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw storageError("write", temporary, cause);
  }
}
