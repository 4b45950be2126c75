import { basename } from "node:path";
import { type Checksum, formatChecksum, parseChecksum } from "../options/checksum.ts";
import { OptionTypeError } from "../option_error.ts";
import { notBoth } from "../options/resolve_options.ts";
import { checksumEntries } from "../integrity/checksum_list.ts";
import {
  checkSignal,
  optionalFunction,
  optionalText,
  refuseUnknown,
  text,
} from "../options/option_checks.ts";
import { detectRuntime } from "../runtime/detect.ts";
import type { Clock, Runtime } from "../runtime/runtime.ts";
import type { FileCheck, VerifiedFile, VerifiedPart } from "./file_check.ts";
import { onAbort } from "../lib/on_abort.ts";

export type { VerifiedFile, VerifiedPart };

/** How long an active read may take after the signal was aborted. */
const STOP_GRACE_MS = 100;

/** What to compare a file with. Without `checksum` and `checksumFile` the file is compared with its control file. */
export interface VerifyOptions {
  /** Expected checksum as `algorithm:hex`, such as `sha256:…`. */
  readonly checksum?: string;
  /**
   * Path of a checksum list in the format of `sha256sum` or BSD's `sha256`. The list must have a line with the file's
   * name.
   */
  readonly checksumFile?: string;
  /** Aborting this signal rejects with its reason. */
  readonly signal?: AbortSignal;
  /**
   * Called at the start and after each part with the number of checked bytes and the total number. An error that this
   * function throws ends the verification.
   */
  readonly onProgress?: (checkedBytes: number, totalBytes: number) => void;
}

/** The result of {@linkcode verify}. */
export type VerifyResult = VerifiedFile | VerifiedPart;

/** A line of a checksum list. */
export interface ChecksumListEntry {
  /** The checksum as `algorithm:hex`. */
  readonly checksum: string;
  /** The file's name or path as written in the list, or `undefined` for a digest without a name. */
  readonly name: string | undefined;
}

/**
 * Compares a file on disk with a checksum or a checksum list. Without either, compares the data of an unfinished
 * download with its control file. Changes nothing.
 *
 * Resolves for a right file and for a wrong one; `matches` says which. Rejects with a `DownloadError` when the file
 * cannot be compared. Its code is `storage` (the file or the list cannot be read), `checksum_list` (the list cannot
 * be used or has no line for the file) or `control_file` (the control file is missing or damaged). Rejects with a
 * `TypeError` for invalid options, with an `Error` on a release of Deno, Bun or Node.js that is too old, and with the
 * signal's reason when the signal is aborted.
 *
 * @example Checking a file
 * ```ts
 * import { verify } from "@bytehaul/bytehaul";
 *
 * async function isRight(path: string, sha256: string): Promise<boolean> {
 *   const { matches } = await verify(path, { checksum: `sha256:${sha256}` });
 *   return matches;
 * }
 * ```
 *
 * @example How much of an unfinished download is good
 * ```ts
 * import { verify } from "@bytehaul/bytehaul";
 *
 * async function report(path: string): Promise<void> {
 *   const result = await verify(path, { onProgress: (checked, total) => console.log(checked, "of", total) });
 *   if (result.source === "controlFile") {
 *     console.log(result.provenBytes, "right,", result.wrongBytes, "wrong,", result.missingBytes, "missing");
 *   }
 * }
 * ```
 */
export async function verify(path: string, options: VerifyOptions = {}): Promise<VerifyResult> {
  return await verifyOn(detectRuntime(), path, options);
}

/**
 * Parses a checksum list in the format of `sha256sum` or BSD's `sha256`. Other lines are skipped.
 *
 * @param listName name of the list, such as `B2SUMS`. It distinguishes algorithms whose digests have the same length,
 * for lines that do not name their algorithm
 *
 * @example Names of the files in a list
 * ```ts
 * import { parseChecksumList } from "@bytehaul/bytehaul";
 *
 * const list = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  empty.txt\n";
 * const names = parseChecksumList(list).map(({ name }) => name);
 * console.assert(names[0] === "empty.txt");
 * ```
 */
export function parseChecksumList(list: string, listName = ""): ChecksumListEntry[] {
  return checksumEntries(list, listName).map(({ checksum, name }) => ({
    checksum: formatChecksum(checksum),
    name,
  }));
}

/** Same as {@linkcode verify}, with a given runtime. */
export async function verifyOn(
  runtime: Runtime,
  path: string,
  options: VerifyOptions = {},
): Promise<VerifyResult> {
  refuseUnknown(options, ["checksum", "checksumFile", "signal", "onProgress"]);
  text("path", path);
  const sources = checkSources(options);
  const signal = checkSignal(options.signal) ?? new AbortController().signal;
  const onProgress = optionalFunction("onProgress", options.onProgress) ?? (() => {});
  signal.throwIfAborted();
  const check: FileCheck = { runtime, path, signal, onProgress };
  return await orStopped(compare(check, sources), signal, runtime.clock);
}

interface Sources {
  readonly checksum: Checksum | undefined;
  readonly checksumFile: string | undefined;
}

/** Loads what compares files here, because a run that downloads loads this module as well. */
async function compare(check: FileCheck, { checksum, checksumFile }: Sources): Promise<VerifyResult> {
  const { checkClaims, checkDigest } = await import("./file_check.ts");
  if (checksum !== undefined) return await checkDigest(check, checksum, "checksum");
  if (checksumFile === undefined) return await checkClaims(check);
  const { findInListFile } = await import("./checksum_list_file.ts");
  const { runtime, path, signal } = check;
  const found = await findInListFile([basename(path)], checksumFile, runtime, signal);
  return await checkDigest(check, found, "checksumFile");
}

function checkSources(options: VerifyOptions): Sources {
  const checksum = optionalText("checksum", options.checksum);
  const checksumFile = optionalText("checksumFile", options.checksumFile);
  if (checksum !== undefined && checksumFile !== undefined) {
    throw notBoth("checksum", "checksumFile");
  }
  if (checksumFile !== undefined && /^https?:/i.test(checksumFile)) {
    const problem = "it is a URL; expected the path of a list";
    throw new OptionTypeError({ option: "checksumFile", problem });
  }
  return { checksum: checksum === undefined ? undefined : parseChecksum(checksum), checksumFile };
}

/** Waits for `work`, but only briefly once `signal` is aborted: a disk that hangs must not block the caller. */
async function orStopped<T>(work: Promise<T>, signal: AbortSignal, clock: Clock): Promise<T> {
  const over = new AbortController();
  const { promise: aborted, resolve } = Promise.withResolvers<void>();
  using _stopping = onAbort(signal, resolve);
  const stopped = aborted.then(() => clock.sleep(STOP_GRACE_MS, over.signal)).then((): never => {
    throw signal.reason;
  });
  try {
    return await Promise.race([work, stopped]);
  } finally {
    over.abort();
  }
}
