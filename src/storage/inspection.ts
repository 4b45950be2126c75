import { OutputNames } from "../lib/output_names.ts";
import type { FileInfo, Runtime } from "../runtime/runtime.ts";
import { finishCommit } from "./commit.ts";
import { type ControlRecord, isComplete, type RecordedFile } from "./control_record.ts";
import { ControlStore, type LoadedControl } from "./control_store.ts";
import { discard, setAside } from "./discard.ts";
import { nameTaken } from "./final_name.ts";
import type { Output } from "./output.ts";
import { isOfAnother, type OpenedFile } from "./own_file.ts";
import { lookAt } from "./paths.ts";

/** An earlier run gave the file its final name, and was killed before it could clean up. */
export interface FinishedOutput {
  readonly kind: "finished";
  /** In bytes. */
  readonly size: number;
  /** Makes the name durable, and removes what that run left. */
  commit(): Promise<void>;
}

/** An earlier run left progress. */
export interface Leftover {
  readonly kind: "leftover";
  readonly record: ControlRecord;
  /** Opens the part file; `undefined` when there is none, or something that is no file. */
  openPart(): Promise<OpenedFile | undefined>;
  /** Removes the part file and all that belongs to it. */
  discard(): Promise<void>;
}

/** An earlier run left a control file that cannot be used. */
export interface DamagedLeftover {
  readonly kind: "damaged";
  readonly reason: string;
  /** Removes the part file, and gives the control file another name, which it returns. */
  setAside(): Promise<string>;
}

/** There is no control file, so that whatever is there is not known to be ours. */
export interface NoLeftover {
  readonly kind: "none";
  /** Removes what an unfinished save may have left. */
  discard(): Promise<void>;
}

/** What an earlier run left beside the final name. */
export type Leftovers = Leftover | DamagedLeftover | NoLeftover;

/** What an earlier run left, under the final name and beside it. */
export type Inspection = FinishedOutput | Leftovers;

/**
 * Looks at what an earlier run left. Refuses a final name that is taken and may not be replaced. `isRequested` tells
 * whether a control file is of the URL that is requested: without it, nothing shows which file a finished one is.
 */
export async function inspect(
  output: Output,
  isRequested: (file: RecordedFile) => boolean,
): Promise<Inspection> {
  const { place: { runtime, overwrite }, path } = output;
  const found = await lookAt(runtime, path);
  if (found === undefined) return await inspectLeftovers(output);
  if (await isFinished(output, found, isRequested)) {
    return { kind: "finished", size: found.size, commit: () => finishCommit(output) };
  }
  // The leftovers of a file that may be replaced can be of the requested URL.
  if (found.kind !== "directory" && overwrite) return await inspectLeftovers(output);
  await removeTwin(output, found);
  throw nameTaken(path, found.kind);
}

/** Looks at what an earlier run left beside the final name, whatever has that. */
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
        openPart: () => output.part.open(),
        discard: () => discard(output),
      };
  }
}

/**
 * Reads the control file of the output at `path`, which nobody has taken. The file may be that of another user, so that
 * nothing of it may be believed.
 */
export function peekControl(runtime: Runtime, path: string): Promise<LoadedControl> {
  return new ControlStore(runtime, new OutputNames(path)).load();
}

/** Looks at the part file of the output at `path`, which nobody has taken; `undefined` when there is none. */
export function peekPart(runtime: Runtime, path: string): Promise<FileInfo | undefined> {
  return lookAt(runtime, new OutputNames(path).part);
}

/** Whether a file is the part file of a control file that has all of it, and was not written to since. */
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

/** A file from memory had this name before its final one, and no control file says of which URL it is. */
async function removeTwin({ place }: Output, { identity }: FileInfo): Promise<void> {
  const { runtime, names: { temporary } } = place;
  if (identity === undefined || (await lookAt(runtime, temporary))?.identity !== identity) return;
  await place.removeOwn(temporary);
}
