import { createHash } from "node:crypto";
import { ControlFileError } from "../errors.ts";
import { namesVersion } from "../http/validator.ts";
import { holdsRange } from "../integrity/range_check.ts";
import { PieceMap } from "../plan/piece_map.ts";
import type { FileInfo, RuntimeFile } from "../runtime/runtime.ts";
import type { RecordedFile, RecordedPart, SizedFile } from "../storage/control_record.ts";
import type { Leftover, Leftovers } from "../storage/inspection.ts";
import type { Output } from "../storage/output.ts";
import { storageError } from "../storage/storage_error.ts";
import type { SessionContext } from "./context.ts";
import { unsignedQuery } from "./sources/signed_url.ts";

const QUERY_HASH_DIGITS = 6;
/** As much as is checked at once: an order to stop is heeded in between. */
const CHECKED_BYTES = 512 * 1024;

/** What an earlier run left. */
export interface Interrupted {
  /** The file on the server, as it was recorded. */
  readonly record: SizedFile;
  /** The part file at the latest checkpoint. */
  readonly part: RecordedPart | undefined;
  readonly file: RuntimeFile;
  readonly fileInfo: FileInfo;
  /** What the control file claims, and after `prove()` what is there. */
  readonly pieces: PieceMap;
  /** Whether it was begun from this URL, queries aside; if not, a checksum decides whether its bytes are right. */
  readonly isSameUrl: boolean;
  /** Whether the URL had the same query, signatures aside; another may name another file. */
  readonly isSameQuery: boolean;
}

/** Names a file on a server for the control file, without what may be secret in its URL. */
export function hashUrl(url: string): string {
  const { origin, pathname } = new URL(url);
  return createHash("sha256").update(origin + pathname).digest("hex");
}

/**
 * Enough of the query's hash to tell that it is another one, and too little to guess a secret in it. What signs a URL
 * for a while is left out, as it does not say which file is meant.
 */
export function hashQuery(url: string): string {
  return createHash("sha256").update(unsignedQuery(url)).digest("hex").slice(0, QUERY_HASH_DIGITS);
}

/** Whether a control file is of this URL, its query included: another query may be another signature, or another file. */
export function isOfUrl({ urlHash, queryHash }: RecordedFile, url: string): boolean {
  return urlHash === hashUrl(url) && queryHash === hashQuery(url);
}

/** Looks at what an earlier run left; `undefined` when there is nothing to go on with. */
export async function findLeftovers(
  context: SessionContext,
  output: Output,
  found: Leftovers,
): Promise<Interrupted | undefined> {
  const { spec, log, expected } = context;
  if (found.kind === "none") return undefined;
  if (found.kind === "damaged") {
    const aside = await found.setAside();
    log(
      "warn",
      `the control file is unusable (${found.reason}); it was moved to "${aside}", starting again`,
    );
    return undefined;
  }
  const { record } = found;
  if (!spec.resume) return undefined;
  const isSameUrl = record.file.urlHash === hashUrl(spec.url);
  if (!isSameUrl && expected === undefined) {
    if (spec.overwrite) return undefined;
    throw begunElsewhere(output);
  }
  return await open(context, output, found, isSameUrl);
}

/** An unfinished download of another file is not to be thrown away for this one. */
export function begunElsewhere({ path, place }: Output): ControlFileError {
  return new ControlFileError(
    place.names.control,
    `Cannot resume "${path}": it was begun from another URL`,
    {
      remedy: {
        before: "choose another output, or ",
        options: ["resume"],
        how: "turn resume off",
        after: " to start again",
      },
    },
  );
}

async function open(
  { spec, log, expected }: SessionContext,
  output: Output,
  found: Leftover,
  isSameUrl: boolean,
): Promise<Interrupted | undefined> {
  const { file: recorded, part: recordedPart, progress } = found.record;
  const { size } = recorded;
  if (size === undefined) return undefined;
  const record = { ...recorded, size };
  const pieces = new PieceMap(size, progress.pieceSize);
  pieces.restore(progress);
  if (pieces.doneBytes === 0) return undefined;
  if (!namesVersion(record.validator) && expected === undefined) {
    log("warn", "the server tells versions of the file apart by nothing; starting again");
    return undefined;
  }
  const part = await found.openPart();
  if (part === undefined) {
    log("warn", `"${output.part.path}" is gone or no file; starting again`);
    return undefined;
  }
  const { file, info: fileInfo } = part;
  const isSameQuery = isSameUrl && record.queryHash === hashQuery(spec.url);
  return { record, part: recordedPart, file, fileInfo, pieces, isSameUrl, isSameQuery };
}

/**
 * Checks what the control file claims, unless nothing has touched the part file since that was true, and keeps
 * what is right. `undefined` when nothing is.
 */
export async function prove(
  { spec, log }: SessionContext,
  output: Output,
  interrupted: Interrupted,
  signal: AbortSignal,
): Promise<Interrupted | undefined> {
  const { record, file, fileInfo, pieces: claimed } = interrupted;
  if (isUntouched(interrupted)) return interrupted;
  const pieces = new PieceMap(record.size, claimed.pieceSize);
  const buffer = new Uint8Array(Math.min(CHECKED_BYTES, spec.memoryBudget));
  const fileSize = Math.min(fileInfo.size, record.size);
  try {
    for (const range of claimed.known()) {
      // What lies behind its end needs no look: claims may be many.
      if (range.end > fileSize) continue;
      if (await holdsRange(file, range, buffer, signal)) pieces.add(range, range.crc);
    }
    if (fileInfo.size > fileSize) await file.truncate(fileSize);
  } catch (cause) {
    signal.throwIfAborted();
    throw storageError("check", output.part.path, cause);
  }
  const wrong = claimed.doneBytes - pieces.doneBytes;
  const outcome =
    `of ${claimed.doneBytes} bytes in it that were checked, ${wrong} are wrong and fetched again`;
  log(
    wrong > 0 ? "warn" : "info",
    `"${output.part.path}" was written to, or is another file, since progress was saved; ${outcome}`,
  );
  if (pieces.doneBytes === 0) return undefined;
  return { ...interrupted, fileInfo: { ...fileInfo, size: fileSize }, pieces };
}

/** Whether the part file is the one that was recorded and nobody wrote to it since. */
function isUntouched({ record, part, fileInfo, pieces }: Interrupted): boolean {
  const { identity, modifiedMs, size } = fileInfo;
  const isSame = identity !== undefined && identity === part?.identity &&
    modifiedMs !== undefined && modifiedMs === part.modifiedMs;
  return isSame && size <= record.size && size >= endOf(pieces);
}

/** Where the last of what is there ends. */
function endOf(pieces: PieceMap): number {
  let end = 0;
  for (const range of pieces.known()) end = range.end;
  return end;
}
