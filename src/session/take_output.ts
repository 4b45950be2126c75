import { DownloadError, type DownloadErrorCode } from "../errors.ts";
import { redact } from "../redact.ts";
import { peekControl, peekPart } from "../storage/inspection.ts";
import { Output } from "../storage/output.ts";
import { lookAt } from "../storage/paths.ts";
import type { SessionContext } from "./context.ts";
import type { ExistingFiles, RightFile } from "./existing.ts";
import { isOfUrl } from "./resume.ts";

/** Errors for a name that another download has taken. */
const TAKEN: readonly DownloadErrorCode[] = ["output_locked", "output_exists"];

/** How many names are tried. */
const MAX_NUMBER = 10_000;
/** Of `.tar.gz` and the like both parts; other names may have a version before their extension. */
const EXTENSION = /(?<=[^/\\])(?:\.tar)?\.[\w-]{1,15}$/;

/** The output of a download, and the file under its final name if that is the right one. */
export interface TakenOutput {
  readonly output: Output;
  readonly right: RightFile | undefined;
}

/** Takes the output at `path` or, with `rename`, at the first of its numbered names that is free. */
export async function takeOutput(
  context: SessionContext,
  path: string,
  existing: ExistingFiles,
): Promise<TakenOutput> {
  if (context.spec.rename) return await takeNumbered(context, path, existing);
  const right = await existing.rightOrRefuse(path, path);
  // Nobody writes a file that is right already.
  if (right === undefined) requireUnclaimed(context, path);
  const output = await acquire(context, path);
  if (right === undefined) await requireOwnPlace(context, output);
  return { output, right };
}

/** Another path may lead to what a download of the same queue has written. */
async function requireOwnPlace(context: SessionContext, output: Output): Promise<void> {
  try {
    const identity = await output.identity();
    if (identity !== undefined) requireUnclaimed(context, output.path, identity);
  } catch (error) {
    await output.release().catch((cause) => context.log("warn", `${cause.message}; remove it`));
    throw error;
  }
}

async function acquire({ runtime, spec, status, log }: SessionContext, path: string): Promise<Output> {
  const output = await Output.acquire(runtime, path, spec.overwrite);
  if (output.isWeaklyLocked) {
    log("warn", `the file system of "${path}" has no locks; its lock holds for this machine alone`);
  }
  status.path = path;
  return output;
}

async function takeNumbered(
  context: SessionContext,
  path: string,
  existing: ExistingFiles,
): Promise<TakenOutput> {
  const { claim } = context;
  const locked = new Set<string>();
  for (;;) {
    const free = await findFree(context, path, existing, locked);
    const right = await existing.rightOrRefuse(free, path);
    // Another one may have been faster.
    if (right === undefined && claim?.take(free).isOurs === false) continue;
    try {
      const output = await acquire(context, free);
      if (right === undefined) await requireOwnPlace(context, output);
      return { output, right };
    } catch (error) {
      const isTaken = error instanceof DownloadError && TAKEN.includes(error.code);
      if (!isTaken) throw error;
      locked.add(free);
      claim?.release();
    }
  }
}

/** Refuses what another download of the same queue writes or has written. */
export function requireUnclaimed({ claim }: SessionContext, path: string, name = path): void {
  const claimed = claim?.take(name);
  if (claimed === undefined || claimed.isOurs) return;
  throw new DownloadError(
    "output_exists",
    `Cannot write "${path}": it is the output of ${redact(claimed.url)}, too`,
    { remedy: { before: "choose another output or ", options: ["rename"], how: "ask to rename" } },
  );
}

/** `name.ext` with a number before its extension. */
export function numbered(path: string, number: number): string {
  if (number === 0) return path;
  const extension = EXTENSION.exec(path)?.[0] ?? "";
  return `${path.slice(0, path.length - extension.length)}.${number}${extension}`;
}

/** The name with which an earlier run began, else the first that nothing has. */
async function findFree(
  context: SessionContext,
  path: string,
  existing: ExistingFiles,
  locked: ReadonlySet<string>,
): Promise<string> {
  const { claim, spec } = context;
  let free: string | undefined;
  for (let number = 0; number < MAX_NUMBER; number++) {
    const candidate = numbered(path, number);
    if (locked.has(candidate)) continue;
    const isAnothers = claim?.other(candidate) !== undefined;
    // Without a checksum a file proves nothing, and looking at every one takes long where entries are many.
    if (isAnothers && (spec.checksum ?? spec.checksumFile) === undefined) continue;
    const state = await stateOf(context, candidate);
    const isRight = state === "finished" && (await existing.find(candidate, path))?.matches === true;
    if (isRight) return candidate;
    if (isAnothers) continue;
    if (state === "ours") return candidate;
    if (state === "free" || state === "finished" && spec.overwrite) free ??= candidate;
    if (state === "free") return free ?? candidate;
  }
  throw new DownloadError("output_exists", `Cannot write "${path}": ${MAX_NUMBER} names like it are taken`);
}

/** Whether a name is free, or has an unfinished download of the same URL, or a finished file, or something else. */
async function stateOf(
  { runtime, spec }: SessionContext,
  path: string,
): Promise<"free" | "ours" | "finished" | "taken"> {
  const loaded = await peekControl(runtime, path);
  if (loaded.kind === "record" && isOfUrl(loaded.record.file, spec.url)) return "ours";
  if (loaded.kind !== "missing") return "taken";
  const found = await lookAt(runtime, path);
  if (found !== undefined) return found.kind === "directory" ? "taken" : "finished";
  return await peekPart(runtime, path) === undefined ? "free" : "taken";
}
