import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { link, open, readFile, writeFile } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import { crc32 } from "node:zlib";
import type { CheckedRange } from "../../../src/lib/crc32.ts";
import { PieceMap } from "../../../src/plan/piece_map.ts";
import { detectRuntime } from "../../../src/runtime/detect.ts";
import { hashQuery, hashUrl } from "../../../src/session/sources/url_hash.ts";
import { decodeControl, type DecodedRecord, encodeControl } from "../../../src/storage/control_format.ts";
import type {
  ControlRecord,
  RecordedFile,
  RecordedPart,
  RecordedProgress,
} from "../../../src/storage/control_record.ts";
import { contentBytes, writeContentFile } from "../../../testing/content.ts";

/** The record of the control file at `path`; `undefined` when there is none. */
export async function readControl(path: string): Promise<ControlRecord | undefined> {
  return (await readDecoded(path))?.record;
}

/** Bytes that the control file at `path` claims, those of its journal included; 0 without one. */
export async function claimedBytes(path: string): Promise<number> {
  const decoded = await readDecoded(path);
  return decoded === undefined ? 0 : claims(decoded.record, decoded.journal).doneBytes;
}

/** The control file at `path` with its journal; `undefined` when there is none. */
export async function readDecoded(path: string): Promise<DecodedRecord | undefined> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (bytes === undefined) return undefined;
  const decoded = decodeControl(new Uint8Array(bytes), path);
  return decoded.kind === "record" ? decoded : assert.fail(`${path} is damaged: ${decoded.reason}`);
}

/** Waits until the control file at `path` claims more than `bytes`. Returns how much it does. */
export async function untilClaimed(path: string, bytes: number): Promise<number> {
  const giveUpMs = performance.now() + 10_000;
  for (;;) {
    const claimed = await claimedBytes(path);
    if (claimed > bytes) return claimed;
    if (performance.now() > giveUpMs) assert.fail(`${path} claims ${claimed} bytes, and no more than that`);
    await setTimeout(2);
  }
}

/**
 * Checks that every byte which the control file of `output` claims is in the part file as the file `seed` has
 * it, that its CRCs are right, and returns how many bytes those are.
 */
export async function assertClaimsHold(output: string, seed: number): Promise<number> {
  const decoded = await readDecoded(`${output}.bytehaul`);
  if (decoded === undefined) return 0;
  const pieces = claims(decoded.record, decoded.journal);
  if (pieces.doneBytes === 0) return 0;
  // The part file of a finished download has its name already.
  const file = await open(`${output}.part`, "r").catch(() => open(output, "r"));
  try {
    for (const { start, end, crc } of pieces.known()) {
      const wanted = contentBytes(seed, start, end);
      const found = new Uint8Array(wanted.length);
      const { bytesRead } = await file.read(found, 0, found.length, start);
      assert.equal(bytesRead, wanted.length, `${output}.part ends before byte ${end}, which is claimed`);
      assert.equal(Buffer.compare(found, wanted), 0, `bytes ${start} to ${end} are claimed and wrong`);
      assert.equal(crc, crc32(wanted), `the CRC of bytes ${start} to ${end} is wrong`);
    }
  } finally {
    await file.close();
  }
  return pieces.doneBytes;
}

/** Leaves what a run does that is killed once it gave the file `seed` its name, before it cleaned up. */
export async function leaveFinished(output: string, url: string, seed: number, size: number): Promise<void> {
  await writeContentFile(output, seed, size);
  await link(output, `${output}.part`);
  const { identity, modifiedMs } = await detectRuntime().files.lstat(output) ??
    assert.fail("it is not there");
  const pieces = new PieceMap(size, size);
  pieces.add({ start: 0, end: size }, crc32(contentBytes(seed, 0, size)));
  const control = encodeControl({
    file: {
      ...{ urlHash: hashUrl(url), queryHash: hashQuery(url), size },
      validator: { etag: '"a"', lastModified: undefined },
    },
    part: { identity, modifiedMs },
    progress: { pieceSize: size, ...pieces.snapshot() },
  });
  await writeFile(`${output}.bytehaul`, control);
}

/** What a control file claims, `journal` included. */
export function claims(
  { file: { size = 0 }, progress }: ControlRecord,
  journal: readonly CheckedRange[] = [],
): PieceMap {
  const pieces = new PieceMap(size, progress.pieceSize);
  const partial = [...progress.partial, ...journal].sort((one, other) => one.start - other.start);
  pieces.restore({ ...progress, partial });
  return pieces;
}

/** The fields of a control file as they are named in it. */
export type ControlFields = Partial<
  Record<keyof RecordedFile | keyof RecordedProgress | "partIdentity" | "partModifiedMs", unknown>
>;

/** A record with other values for fields that are named as in the file, also such as no honest record has. */
export function withFields(record: ControlRecord, fields: ControlFields): ControlRecord {
  const { partIdentity, partModifiedMs, ...others } = fields;
  const own = (part: object) => Object.fromEntries(Object.entries(others).filter(([name]) => name in part));
  return {
    file: { ...record.file, ...own(record.file) },
    part: {
      identity: record.part?.identity,
      modifiedMs: record.part?.modifiedMs,
      ...partIdentity !== undefined && { identity: partIdentity },
      ...partModifiedMs !== undefined && { modifiedMs: partModifiedMs },
    } as RecordedPart,
    progress: { ...record.progress, ...own(record.progress) },
  };
}
