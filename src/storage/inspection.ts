import type { CheckedRange } from "../lib/crc32.ts";
import { OutputNames } from "../lib/output_names.ts";
import type { FileInfo, Runtime } from "../runtime/runtime.ts";
import { finishCommit } from "./commit.ts";
import { type ControlRecord, isComplete, type RecordedFile } from "./control_record.ts";
import { ControlStore, type LoadedControl } from "./control_store.ts";
import { discard, setAside } from "./discard.ts";
import { nameTaken } from "./final_name.ts";
import type { Output } from "./output.ts";
import { isOfAnother, type OpenedFile } from "./own_file.ts";
import { statPath } from "./paths.ts";

/** An earlier run gave the file its final name and was killed before it removed its other files. */
export interface FinishedOutput {
  readonly kind: "finished";
  /** In bytes. */
  readonly size: number;
  /** Makes the name durable and removes the other files of that run. */
  commit(): Promise<void>;
}

/** An earlier run left progress. */
export interface Leftover {
  readonly kind: "leftover";
  readonly record: ControlRecord;
  /** Ranges that were written after the record was saved. They must be compared with the part file. */
  readonly journal: readonly CheckedRange[];
  /** Opens the part file; `undefined` when it is missing or is not a regular file. */
  openPart(): Promise<OpenedFile | undefined>;
  /** Removes the part file and the control file. */
  discard(): Promise<void>;
}

/** An earlier run left a control file that cannot be used. */
export interface DamagedLeftover {
  readonly kind: "damaged";
  readonly reason: string;
  /** Removes the part file. Renames the control file and returns its new name. */
  setAside(): Promise<string>;
}

/** There is no control file, so no file beside the output is known to be ours. */
export interface NoLeftover {
  readonly kind: "none";
  /** Removes files that an unfinished save may have left. */
  discard(): Promise<void>;
}

/** What an earlier run left beside the final name. */
export type Leftovers = Leftover | DamagedLeftover | NoLeftover;

/** What an earlier run left, including a file with the final name. */
export type Inspection = FinishedOutput | Leftovers;

/**
 * Finds out what an earlier run left. Refuses a final name that is taken and may not be replaced. `isRequested` says
 * whether a control file belongs to the requested URL. Only a control file shows which URL a finished file belongs
 * to.
 */
export async function inspect(
  output: Output,
  isRequested: (file: RecordedFile) => boolean,
): Promise<Inspection> {
  const { place: { runtime, overwrite }, path } = output;
  const found = await statPath(runtime, path);
  if (found === undefined) return await inspectLeftovers(output);
  if (await isFinished(output, found, isRequested)) {
    return { kind: "finished", size: found.size, commit: () => finishCommit(output) };
  }
  // The leftovers beside a file that may be replaced can belong to the requested URL.
  if (found.kind !== "directory" && overwrite) return await inspectLeftovers(output);
  await removeTemporaryLink(output, found);
  throw nameTaken(path, found.kind);
}

/** Finds out what an earlier run left beside the final name. Any file may have that name. */
export async function inspectLeftovers(output: Output): Promise<Leftovers> {
  const loaded = await output.control.load(output.place.overwrite);
  output.part.claim(loaded.kind !== "missing");
  switch (loaded.kind) {
    case "missing":
      return { kind: "none", discard: () => discard(output) };
    case "damaged":
      return { kind: "damaged", reason: loaded.reason, setAside: () => setAside(output) };
    case "record":
      return {
        kind: "leftover",
        record: loaded.record,
        journal: loaded.journal,
        openPart: () => output.part.open(),
        discard: () => discard(output),
      };
  }
}

/**
 * Reads the control file of the output at `path` without locking the output. The file may belong to another user, so
 * its content must not be trusted.
 */
export function peekControl(runtime: Runtime, path: string): Promise<LoadedControl> {
  return new ControlStore(runtime, new OutputNames(path)).load();
}

/** Reads the attributes of the part file at `path` without locking the output; `undefined` when there is none. */
export function peekPart(runtime: Runtime, path: string): Promise<FileInfo | undefined> {
  return statPath(runtime, new OutputNames(path).part);
}

/** Whether a file is the part file of a control file that records it as complete, and was not changed since. */
async function isFinished(
  { control, place }: Output,
  found: FileInfo,
  isRequested: (file: RecordedFile) => boolean,
): Promise<boolean> {
  if (found.kind !== "file" || found.identity === undefined || isOfAnother(found, place.owner)) return false;
  const loaded = await control.load().catch(() => undefined); // inspectLeftovers() meets the same failure
  if (loaded?.kind !== "record") return false;
  const { file, part } = loaded.record;
  return part?.identity === found.identity && part.modifiedMs === found.modifiedMs &&
    file.size === found.size && isComplete(loaded.record) && isRequested(file);
}

/** Removes the temporary name of a finished file that was written from memory. No control file shows its URL. */
async function removeTemporaryLink({ place }: Output, { identity }: FileInfo): Promise<void> {
  const { runtime, names: { temporary } } = place;
  if (identity === undefined || (await statPath(runtime, temporary))?.identity !== identity) return;
  await place.removeOwn(temporary);
}
