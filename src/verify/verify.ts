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
import { findInListFile } from "./checksum_list_file.ts";
import {
  checkClaims,
  checkDigest,
  type FileCheck,
  type VerifiedFile,
  type VerifiedPart,
} from "./file_check.ts";
import { onAbort } from "../lib/on_abort.ts";

export type { VerifiedFile, VerifiedPart };

/** How long a running read may take after the signal was aborted. */
const STOP_GRACE_MS = 100;

/** What to compare a file with. Without `checksum` and `checksumFile` that is its control file. */
export interface VerifyOptions {
  /** `algorithm:hex`, such as `sha256:…`. */
  readonly checksum?: string;
  /**
   * Path of a list of checksums, as `sha256sum` or BSD's `sha256` write it. The list must have a line with the
   * file's name.
   */
  readonly checksumFile?: string;
  /** Aborting it stops the verification, which rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /**
   * Called at the start and after each part, with the bytes that were checked and the bytes in all. An error that it
   * throws ends the verification.
   */
  readonly onProgress?: (checkedBytes: number, totalBytes: number) => void;
}

/** The result of a verification. */
export type VerifyResult = VerifiedFile | VerifiedPart;

/** A line of a checksum list. */
export interface ChecksumListEntry {
  /** `algorithm:hex`. */
  readonly checksum: string;
  /** The file's name or path as the list has it; `undefined` for a line that is only a digest. */
  readonly name: string | undefined;
}

/**
 * Checks an existing file and changes nothing. The file is compared with a checksum or with a list of checksums.
 * Without either, the data of an unfinished download is compared with its control file.
 *
 * Resolves whether or not the file matches; see `matches`. Rejects with a `DownloadError` when the file cannot be
 * checked: `storage` (the file or the list cannot be read), `checksum_list` (the list has no line for the file),
 * `control_file` (the control file is missing or damaged). Rejects with a `TypeError` for options that are not
 * valid, and with the signal's reason once the signal is aborted.
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
export function verify(path: string, options: VerifyOptions = {}): Promise<VerifyResult> {
  return verifyOn(detectRuntime(), path, options);
}

/**
 * Parses a list of checksums, as `sha256sum` or BSD's `sha256` write it. Lines without a checksum are skipped.
 *
 * @param listName such as `B2SUMS`. It decides between hash functions with digests of the same length where a line
 * names none
 *
 * @example Which files a list is about
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

/** As {@linkcode verify}, on a given runtime. */
export async function verifyOn(
  runtime: Runtime,
  path: string,
  options: VerifyOptions = {},
): Promise<VerifyResult> {
  refuseUnknown(options, ["checksum", "checksumFile", "signal", "onProgress"]);
  text("path", path);
  const { checksum, checksumFile } = checkSources(options);
  const signal = checkSignal(options.signal) ?? new AbortController().signal;
  const onProgress = optionalFunction("onProgress", options.onProgress) ?? (() => {});
  signal.throwIfAborted();
  const check: FileCheck = { runtime, path, signal, onProgress };
  const work: Promise<VerifyResult> = checksum !== undefined
    ? checkDigest(check, checksum, "checksum")
    : checksumFile !== undefined
    ? findInListFile([basename(path)], checksumFile, runtime, signal)
      .then((found) => checkDigest(check, found, "checksumFile"))
    : checkClaims(check);
  return await orStopped(work, signal, runtime.clock);
}

function checkSources(
  options: VerifyOptions,
): { checksum: Checksum | undefined; checksumFile: string | undefined } {
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

/**
 * Settles with `work`, or with the signal's reason soon after an abort, so that a disk that hangs does not block the
 * caller.
 */
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
