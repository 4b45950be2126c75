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

/** How long a read that is under way may take once it is to stop. */
const STOP_GRACE_MS = 100;

/** What to compare a file with; without `checksum` and `checksumFile` it is its control file. */
export interface VerifyOptions {
  /** `algorithm:hex`, such as `sha256:…`. */
  readonly checksum?: string;
  /** Path of a list of checksums, as `sha256sum` or BSD's `sha256` write it, that has a line with the file's name. */
  readonly checksumFile?: string;
  /** Aborting it rejects with its reason. */
  readonly signal?: AbortSignal;
  /**
   * Told at the start and after each part how many bytes were checked, of how many. What it throws ends the
   * verification.
   */
  readonly onProgress?: (checkedBytes: number, totalBytes: number) => void;
}

/** What came of a verification. */
export type VerifyResult = VerifiedFile | VerifiedPart;

/** A line of a checksum list. */
export interface ChecksumListEntry {
  /** `algorithm:hex`. */
  readonly checksum: string;
  /** The file's name or path as it stands in the list; `undefined` for a digest that stands alone. */
  readonly name: string | undefined;
}

/**
 * Checks a file that is there, and changes nothing: against a checksum, a list of checksums, or, without either,
 * what is left of an unfinished download against its control file.
 *
 * Resolves whether or not the file is the right one; `matches` tells. Rejects with a `DownloadError` when that cannot be
 * found out: `storage` (the file or the list cannot be read), `checksum_list` (it has no line for the file),
 * `control_file` (there is none, or it is damaged); with a `TypeError` for options that cannot be; and with the
 * signal's reason once that is aborted.
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
 * Reads a list of checksums, as `sha256sum` or BSD's `sha256` write it. Lines that are none are passed over.
 *
 * @param listName such as `B2SUMS`; where the lines do not say, it tells functions of one length apart
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

/** As {@linkcode verify}, on a runtime of the caller's own. */
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

/** A disk that hangs must not keep the caller waiting. */
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
