import { type Checksum, formatChecksum } from "../options/checksum.ts";
import { ControlFileError, DownloadError } from "../errors.ts";
import { hashFile } from "../integrity/hash_file.ts";
import { holdsRange } from "../integrity/range_check.ts";
import { OutputNames } from "../lib/output_names.ts";
import { PieceMap } from "../plan/piece_map.ts";
import type { FileInfo, Runtime, RuntimeFile } from "../runtime/runtime.ts";
import { peekControl } from "../storage/inspection.ts";
import { storageError } from "../storage/storage_error.ts";
import type { ByteRange } from "../types.ts";

/** As much as is read at once: an order to stop is heeded in between. */
const BLOCK_BYTES = 512 * 1024;

/** A file that was compared with a checksum. */
export interface VerifiedFile {
  /** Path of the file. */
  readonly path: string;
  /** Which option told the checksum. */
  readonly source: "checksum" | "checksumFile";
  /** Whether it is the right file. */
  readonly matches: boolean;
  /** Its size in bytes. */
  readonly size: number;
  /** The checksum that it should have, as `algorithm:hex`. */
  readonly expected: string;
  /** The checksum that it has, as `algorithm:hex`. */
  readonly actual: string;
}

/** An unfinished download that was compared with its control file. */
export interface VerifiedPart {
  /** Path of the file that was read: the part file, where there is one. */
  readonly path: string;
  /** What it was compared with. */
  readonly source: "controlFile";
  /** Whether every byte of the file is there and right, which it is not as long as something is missing. */
  readonly matches: boolean;
  /** The size of the whole file in bytes; 0 as well where the server had not told it. */
  readonly size: number;
  /** Bytes that are what was received. */
  readonly provenBytes: number;
  /** Bytes that the control file claims and that are others now; the next run fetches them again. */
  readonly wrongBytes: number;
  /** Bytes that are still to be fetched. */
  readonly missingBytes: number;
  /** Where the wrong bytes are, ascending. */
  readonly wrongRanges: readonly ByteRange[];
}

/** A file that is to be checked, and who wants to know. */
export interface FileCheck {
  readonly runtime: Runtime;
  readonly path: string;
  readonly signal: AbortSignal;
  readonly onProgress: (checkedBytes: number, totalBytes: number) => void;
}

/** Compares a file with a checksum. Nothing is changed. */
export async function checkDigest(
  { runtime, path, signal, onProgress }: FileCheck,
  expected: Checksum,
  source: VerifiedFile["source"],
): Promise<VerifiedFile> {
  const { file, info: { size } } = await openToRead(runtime, path);
  const reader = readerOf(file, path, signal);
  const read: RuntimeFile["read"] = async (buffer, position) => {
    const length = await reader.read(buffer, position);
    if (length === 0) throw changed(path);
    onProgress(position + length, size);
    return length;
  };
  const { algorithm } = expected;
  try {
    onProgress(0, size);
    const actual = { algorithm, hex: await hashFile({ read }, size, algorithm) };
    if ((await statOf(file, path)).size !== size) throw changed(path);
    return {
      ...{ path, source, size, matches: actual.hex === expected.hex },
      ...{ expected: formatChecksum(expected), actual: formatChecksum(actual) },
    };
  } finally {
    await closeRead(file);
  }
}

/** Compares what there is of an unfinished download with its control file. Nothing is changed. */
export async function checkClaims({ runtime, path, signal, onProgress }: FileCheck): Promise<VerifiedPart> {
  const names = new OutputNames(path);
  const { size, pieces: claimed } = await readClaims(runtime, names);
  const readPath = await lookAt(runtime, names.part) === undefined ? path : names.part;
  const { file, info } = await openToRead(runtime, readPath);
  const buffer = new Uint8Array(BLOCK_BYTES);
  const wrongRanges: ByteRange[] = [];
  let checked = 0;
  let wrongBytes = 0;
  const reader = readerOf(file, readPath, signal);
  try {
    onProgress(0, claimed.doneBytes);
    for (const range of claimed.known()) {
      // What lies behind its end needs no look: claims may be many.
      if (range.end > info.size || !await holdsRange(reader, range, buffer, signal)) {
        addRange(wrongRanges, range);
        wrongBytes += range.end - range.start;
      }
      checked += range.end - range.start;
      onProgress(checked, claimed.doneBytes);
    }
  } finally {
    await closeRead(file);
  }
  const provenBytes = claimed.doneBytes - wrongBytes;
  const matches = size > 0 && provenBytes === size && info.size === size;
  const missingBytes = size - claimed.doneBytes;
  return {
    path: readPath,
    source: "controlFile",
    ...{ matches, size, provenBytes, wrongBytes, missingBytes, wrongRanges },
  };
}

async function readClaims(
  runtime: Runtime,
  { path, control: controlPath }: OutputNames,
): Promise<{ size: number; pieces: PieceMap }> {
  const loaded = await peekControl(runtime, path);
  if (loaded.kind === "missing") {
    await requireFile(runtime, path);
    throw new ControlFileError(
      controlPath,
      `Cannot verify "${path}": it has no control file to compare it with`,
      { remedy: { options: ["checksum", "checksumFile"], how: "give checksum or checksumFile" } },
    );
  }
  if (loaded.kind === "damaged") {
    throw new ControlFileError(
      controlPath,
      `Cannot verify "${path}": its control file is unusable (${loaded.reason})`,
    );
  }
  const { file: { size = 0 }, progress } = loaded.record;
  const pieces = new PieceMap(size, progress.pieceSize);
  pieces.restore(progress);
  return { size, pieces };
}

async function openToRead(runtime: Runtime, path: string): Promise<{ file: RuntimeFile; info: FileInfo }> {
  await requireFile(runtime, path);
  const file = await runtime.files.open(path, "read").catch((cause) => {
    throw storageError("read", path, cause);
  });
  try {
    return { file, info: await statOf(file, path) };
  } catch (error) {
    await closeRead(file);
    throw error;
  }
}

async function statOf(file: RuntimeFile, path: string): Promise<FileInfo> {
  try {
    return await file.stat();
  } catch (cause) {
    throw storageError("read", path, cause);
  }
}

/** A file that was only read has nothing to lose. */
async function closeRead(file: RuntimeFile): Promise<void> {
  await file.close().catch(() => {});
}

/** Opening a pipe would wait for somebody who writes into it. */
async function requireFile(runtime: Runtime, path: string): Promise<void> {
  const kind = (await lookAt(runtime, path))?.kind;
  if (kind === "file") return;
  const reason = kind === undefined
    ? "it does not exist"
    : kind === "directory"
    ? "it is a directory"
    : "it is no regular file";
  throw new DownloadError("storage", `Cannot read "${path}": ${reason}`);
}

async function lookAt(runtime: Runtime, path: string): Promise<FileInfo | undefined> {
  try {
    return await runtime.files.stat(path);
  } catch (cause) {
    throw storageError("read", path, cause);
  }
}

/** Reads a file until `signal` is aborted. A failed read is an error of the storage. */
function readerOf(file: RuntimeFile, path: string, signal: AbortSignal): Pick<RuntimeFile, "read"> {
  return {
    read: async (buffer, position) => {
      signal.throwIfAborted();
      try {
        return await file.read(buffer, position);
      } catch (cause) {
        throw storageError("read", path, cause);
      }
    },
  };
}

/** Joined with the last one where they touch. */
function addRange(ranges: ByteRange[], { start, end }: ByteRange): void {
  const last = ranges.at(-1);
  if (last?.end === start) ranges[ranges.length - 1] = { start: last.start, end };
  else ranges.push({ start, end });
}

function changed(path: string): DownloadError {
  return new DownloadError("storage", `Cannot verify "${path}": it is being written to; try again later`);
}
