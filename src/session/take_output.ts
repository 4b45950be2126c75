import { DownloadError, type DownloadErrorCode } from "../errors.ts";
import type { ResolvedSpec } from "../options/resolved_options.ts";
import { redact } from "../redact.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { peekControl, peekPart } from "../storage/inspection.ts";
import { Output } from "../storage/output.ts";
import { lookAt } from "../storage/paths.ts";
import type { Logger } from "../types.ts";
import type { ExistingFiles, RightFile } from "./existing.ts";
import type { OutputClaim } from "./output_claims.ts";
import type { Progress } from "./progress.ts";
import { isJudgedByChecksum } from "./sources/expected_checksum.ts";
import { isOfUrl } from "./sources/url_hash.ts";

/** Errors for a name that another download has taken. */
const TAKEN: readonly DownloadErrorCode[] = ["output_locked", "output_exists"];

/** How many names are tried. */
const MAX_NUMBER = 10_000;
/** Of `.tar.gz` and the like both parts; other names may have a version before their extension. */
const EXTENSION = /(?<=[^/\\])(?:\.tar)?\.[\w-]{1,15}$/;

/** With what an output is taken. */
export interface OutputTools {
  readonly runtime: Runtime;
  readonly spec: ResolvedSpec;
  /** Keeps other downloads of the queue from the same output, where they are to be kept from it. */
  readonly claim: OutputClaim | undefined;
  readonly log: Logger;
  readonly progress: Progress;
}

/** The place of a download on disk, and the file that is there if it is the right one. */
export interface TakenOutput {
  readonly output: Output;
  readonly right: RightFile | undefined;
}

/** Takes the output at `path` or, with `rename`, at the first of its numbered names that is free. */
export async function takeOutput(
  path: string,
  existing: ExistingFiles,
  tools: OutputTools,
): Promise<TakenOutput> {
  if (tools.spec.rename) return await takeNumbered(path, existing, tools);
  const right = await existing.rightOrRefuse(path, path);
  // What is right already is written by nobody.
  if (right === undefined) requireUnclaimed(path, tools.claim);
  const output = await acquire(path, tools);
  if (right === undefined) await requireOwnPlace(output, tools);
  return { output, right };
}

/** Another path may lead to what a download of the same queue has written. */
async function requireOwnPlace(output: Output, { claim, log }: OutputTools): Promise<void> {
  try {
    const identity = await output.identity();
    if (identity !== undefined) requireUnclaimed(output.path, claim, identity);
  } catch (error) {
    await output.release().catch((cause) => log("warn", `${cause.message}; remove it`));
    throw error;
  }
}

async function acquire(path: string, { runtime, spec, log, progress }: OutputTools): Promise<Output> {
  const output = await Output.acquire(runtime, path, spec.overwrite);
  if (output.isWeaklyLocked) {
    log("warn", `the file system of "${path}" has no locks; its lock holds for this machine alone`);
  }
  progress.located(path);
  return output;
}

async function takeNumbered(
  path: string,
  existing: ExistingFiles,
  tools: OutputTools,
): Promise<TakenOutput> {
  const { claim } = tools;
  const locked = new Set<string>();
  for (;;) {
    const free = await findFree(path, existing, tools, locked);
    const right = await existing.rightOrRefuse(free, path);
    // Another one may have been faster.
    if (right === undefined && claim?.take(free).isOurs === false) continue;
    try {
      const output = await acquire(free, tools);
      if (right === undefined) await requireOwnPlace(output, tools);
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
export function requireUnclaimed(path: string, claim: OutputClaim | undefined, name = path): void {
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
  path: string,
  existing: ExistingFiles,
  tools: OutputTools,
  locked: ReadonlySet<string>,
): Promise<string> {
  const { claim, spec } = tools;
  let free: string | undefined;
  for (let number = 0; number < MAX_NUMBER; number++) {
    const candidate = numbered(path, number);
    if (locked.has(candidate)) continue;
    const isAnothers = claim?.other(candidate) !== undefined;
    // Without a checksum what is there tells nothing, and looking at all of it takes long where entries are many.
    if (isAnothers && !isJudgedByChecksum(spec)) continue;
    const state = await stateOf(candidate, tools);
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
  path: string,
  { runtime, spec }: OutputTools,
): Promise<"free" | "ours" | "finished" | "taken"> {
  const loaded = await peekControl(runtime, path);
  if (loaded.kind === "record" && isOfUrl(loaded.record.file, spec.url)) return "ours";
  if (loaded.kind !== "missing") return "taken";
  const found = await lookAt(runtime, path);
  if (found !== undefined) return found.kind === "directory" ? "taken" : "finished";
  return await peekPart(runtime, path) === undefined ? "free" : "taken";
}
