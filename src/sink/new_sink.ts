import type { RuntimeFile } from "../runtime/runtime.ts";
import { noProgress, type RecordedFile } from "../storage/control_record.ts";
import type { Output } from "../storage/output.ts";
import { storageError } from "../storage/storage_error.ts";
import type { Logger } from "../types.ts";
import { MemorySink } from "./memory_sink.ts";
import { PartFileSink } from "./part_file_sink.ts";
import type { Sink } from "./sink.ts";

/** The file for a new sink. */
export interface NewSinkOptions {
  readonly file: RecordedFile;
  readonly pieceSize: number;
  /** A file of at most this many bytes is kept in memory until it is complete. */
  readonly memoryLimit: number;
  /** Whether the part file gets its final size first. */
  readonly isPreallocated: boolean;
  readonly log: Logger;
}

/**
 * Creates an empty sink. Files that an earlier run left of the output are removed if they are ours or may be
 * overwritten.
 */
export async function newSink(output: Output, options: NewSinkOptions): Promise<Sink> {
  const { file: { size }, memoryLimit } = options;
  await output.part.clear();
  const create = () => createPart(output, options);
  if (size !== undefined && size <= memoryLimit && !output.part.isOurs) {
    return new MemorySink(output, size, create);
  }
  const file = await create();
  const isPreallocated = options.isPreallocated && size !== undefined &&
    await preallocate(file, output.part.path, size, options.log);
  return new PartFileSink(output, file, { size: isPreallocated ? size : 0, finalSize: size });
}

/** Creates the control file and then the part file, so that every part file is known to be ours. */
async function createPart(output: Output, { file, pieceSize }: NewSinkOptions): Promise<RuntimeFile> {
  const { control, part } = output;
  if (file.size !== undefined) await output.requireSpace(file.size);
  await control.save({ file, part: undefined, progress: noProgress(file, pieceSize) });
  try {
    return await part.create();
  } catch (error) {
    await control.remove().catch(() => {}); // the failure that counts is `error`
    throw error;
  }
}

/** Reserves the file's full size. Returns `false` where the disk cannot. The file then grows as data arrives. */
async function preallocate(file: RuntimeFile, path: string, size: number, log: Logger): Promise<boolean> {
  try {
    await file.truncate(size);
    return true;
  } catch (cause) {
    const error = storageError("preallocate", path, cause);
    if (error.code === "disk_full") throw error;
    log("info", `${error.message}; continuing without preallocation`);
    return false;
  }
}
