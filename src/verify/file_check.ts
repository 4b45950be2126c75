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

/** Bytes of one read. An abort takes effect between two reads. */
const BLOCK_BYTES = 512 * 1024;

/** A file that was compared with a checksum. */
export interface VerifiedFile {
  /** Path of the file. */
  readonly path: string;
  /** The option that the expected checksum comes from. */
  readonly source: "checksum" | "checksumFile";
  /** Whether the file has the expected checksum. */
  readonly matches: boolean;
  /** Size of the file in bytes. */
  readonly size: number;
  /** The expected checksum, as `algorithm:hex`. */
  readonly expected: string;
  /** The checksum of the file, as `algorithm:hex`. */
  readonly actual: string;
}

/** An unfinished download that was compared with its control file. */
export interface VerifiedPart {
  /** Path of the file that was read: the part file if it exists, otherwise the file itself. */
  readonly path: string;
  /** What the file was compared with. */
  readonly source: "controlFile";
  /** Whether every byte of the file is present and right. `false` as long as bytes are missing. */
  readonly matches: boolean;
  /** Size of the complete file in bytes; also 0 when the server did not report the size. */
  readonly size: number;
  /** Number of bytes that are the same as when they were received. */
  readonly provenBytes: number;
  /**
   * Number of bytes that the control file records as good, but that have changed or are missing. The next run fetches
   * them again.
   */
  readonly wrongBytes: number;
  /** Number of bytes that were not fetched yet. */
  readonly missingBytes: number;
  /** Ranges of the wrong bytes, in ascending order. */
  readonly wrongRanges: readonly ByteRange[];
}

/** A file to check, and what the check needs. */
export interface FileCheck {
  readonly runtime: Runtime;
  readonly path: string;
  readonly signal: AbortSignal;
  readonly onProgress: (checkedBytes: number, totalBytes: number) => void;
}

/** Compares a file with a checksum. Changes nothing. */
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

/** Compares the data of an unfinished download with its control file. Changes nothing. */
export async function checkClaims({ runtime, path, signal, onProgress }: FileCheck): Promise<VerifiedPart> {
  const names = new OutputNames(path);
  const { size, pieces: claimed } = await readClaims(runtime, names);
  const readPath = await statPath(runtime, names.part) === undefined ? path : names.part;
  const { file, info } = await openToRead(runtime, readPath);
  const buffer = new Uint8Array(BLOCK_BYTES);
  const wrongRanges: ByteRange[] = [];
  let checked = 0;
  let wrongBytes = 0;
  const reader = readerOf(file, readPath, signal);
  try {
    onProgress(0, claimed.doneBytes);
    for (const range of claimed.known()) {
      // A range beyond the end of the file is wrong without a read. There may be many such ranges.
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

/** Closes a file that was only read. A failure is ignored, because no data can be lost. */
async function closeRead(file: RuntimeFile): Promise<void> {
  await file.close().catch(() => {});
}

/**
 * Throws unless `path` is a regular file. Opening a pipe, for example, would wait until another program writes to it.
 */
async function requireFile(runtime: Runtime, path: string): Promise<void> {
  const kind = (await statPath(runtime, path))?.kind;
  if (kind === "file") return;
  const reason = kind === undefined
    ? "it does not exist"
    : kind === "directory"
    ? "it is a directory"
    : "it is not a regular file";
  throw new DownloadError("storage", `Cannot read "${path}": ${reason}`);
}

async function statPath(runtime: Runtime, path: string): Promise<FileInfo | undefined> {
  try {
    return await runtime.files.stat(path);
  } catch (cause) {
    throw storageError("read", path, cause);
  }
}

/** Reads a file until `signal` is aborted. A failed read throws a storage error. */
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

/** Adds a range, or extends the last one when the two touch. */
function addRange(ranges: ByteRange[], { start, end }: ByteRange): void {
  const last = ranges.at(-1);
  if (last?.end === start) ranges[ranges.length - 1] = { start: last.start, end };
  else ranges.push({ start, end });
}

function changed(path: string): DownloadError {
  return new DownloadError("storage", `Cannot verify "${path}": it is being written to; try again later`);
}
