import { DownloadError, type DownloadErrorCode } from "../errors.ts";
import type { ResolvedSpec } from "../options/resolved_options.ts";
import { redact } from "../redact.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { peekControl, peekPart } from "../storage/inspection.ts";
import { Output } from "../storage/output.ts";
import { statPath } from "../storage/paths.ts";
import type { Logger } from "../types.ts";
import type { ExistingFiles, MatchingFile } from "./existing.ts";
import type { OutputClaim } from "./output_claims.ts";
import type { Progress } from "./progress.ts";
import { isJudgedByChecksum } from "./sources/expected_checksum.ts";
import { isOfUrl } from "./sources/url_hash.ts";

/** The errors that mean that another download has taken a name. */
const TAKEN: readonly DownloadErrorCode[] = ["output_locked", "output_exists"];

/** The highest number in a name. */
const MAX_NUMBER = 10_000;
/**
 * The extension of a name. `.tar.gz` and similar ones have two parts. Elsewhere a dot before the extension may
 * belong to a version.
 */
const EXTENSION = /(?<=[^/\\])(?:\.tar)?\.[\w-]{1,15}$/;

/** What taking an output works with. */
export interface OutputTools {
  readonly runtime: Runtime;
  readonly spec: ResolvedSpec;
  /** Claims the output, so that no other download of the queue writes it; `undefined` where that is allowed. */
  readonly claim: OutputClaim | undefined;
  readonly log: Logger;
  readonly progress: Progress;
}

/** The output of a download, and the existing file if its checksum is right. */
export interface TakenOutput {
  readonly output: Output;
  readonly right: MatchingFile | undefined;
}

/** Takes the output at `path`. With `rename` it takes the first free name of `path` and its numbered names. */
export async function takeOutput(
  path: string,
  existing: ExistingFiles,
  tools: OutputTools,
): Promise<TakenOutput> {
  if (tools.spec.rename) return await takeNumbered(path, existing, tools);
  const right = await existing.matchOrRefuse(path, path);
  // A file with the right checksum is not written, so it needs no claim.
  if (right === undefined) requireUnclaimed(path, tools.claim);
  const output = await acquire(path, tools);
  if (right === undefined) await requireOwnPlace(output, tools);
  return { output, right };
}

/** Throws where another path leads to the output of another download of the queue. */
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
    log("warn", `the file system of "${path}" does not support locks; only this machine sees the lock`);
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
    const right = await existing.matchOrRefuse(free, path);
    // Another download may have claimed the name meanwhile.
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

/** Throws for an output that another download of the queue writes or has written. */
export function requireUnclaimed(path: string, claim: OutputClaim | undefined, name = path): void {
  const claimed = claim?.take(name);
  if (claimed === undefined || claimed.isOurs) return;
  throw new DownloadError(
    "output_exists",
    `Cannot write "${path}": it is the output of ${redact(claimed.url)}, too`,
    { remedy: { before: "choose another output or ", options: ["rename"], how: "turn rename on" } },
  );
}

/** Puts a number before the extension of a name. */
export function numbered(path: string, number: number): string {
  if (number === 0) return path;
  const extension = EXTENSION.exec(path)?.[0] ?? "";
  return `${path.slice(0, path.length - extension.length)}.${number}${extension}`;
}

/** The name that an earlier run of this download used, else the first free name. */
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
    // Without a checksum an existing file proves nothing, and reading the state of many names takes long.
    if (isAnothers && !isJudgedByChecksum(spec)) continue;
    const state = await stateOf(candidate, tools);
    const isRight = state === "finished" && (await existing.find(candidate, path))?.matches === true;
    if (isRight) return candidate;
    if (isAnothers) continue;
    if (state === "ours") return candidate;
    if (state === "free" || state === "finished" && spec.overwrite) free ??= candidate;
    if (state === "free") return free ?? candidate;
  }
  throw new DownloadError(
    "output_exists",
    `Cannot write "${path}": all of its ${MAX_NUMBER} numbered names are taken`,
  );
}

/**
 * The state of a name: free, with an unfinished download of the same URL, with a finished file, or with something
 * else.
 */
async function stateOf(
  path: string,
  { runtime, spec }: OutputTools,
): Promise<"free" | "ours" | "finished" | "taken"> {
  const loaded = await peekControl(runtime, path);
  if (loaded.kind === "record" && isOfUrl(loaded.record.file, spec.url)) return "ours";
  if (loaded.kind !== "missing") return "taken";
  const found = await statPath(runtime, path);
  if (found !== undefined) return found.kind === "directory" ? "taken" : "finished";
  return await peekPart(runtime, path) === undefined ? "free" : "taken";
}
