import type { CheckedRange } from "../lib/crc32.ts";
import type { Validator } from "../types.ts";

/** What is known about an unfinished download. Holds no header, no query string and no credentials. */
export interface ControlRecord {
  readonly file: RecordedFile;
  /** `undefined` before the first checkpoint, and where the part file could not be looked at. */
  readonly part: RecordedPart | undefined;
  readonly progress: RecordedProgress;
}

/** The file on the server. */
export interface RecordedFile {
  /** Hash of the URL without its query and credentials. */
  readonly urlHash: string;
  /** A few digits of the hash of its query. */
  readonly queryHash: string;
  /** In bytes; `undefined` where the server did not report it. */
  readonly size: number | undefined;
  readonly validator: Validator;
}

/** A file of which the server reported the size. */
export interface SizedFile extends RecordedFile {
  readonly size: number;
}

/** The part file at the latest checkpoint. */
export interface RecordedPart {
  /** Names the part file on this machine, so that another file under its name is noticed. */
  readonly identity: string | undefined;
  /** When the part file was last modified, once all that is claimed had been made durable. */
  readonly modifiedMs: number | undefined;
}

/** Which bytes are in the part file. */
export interface RecordedProgress {
  readonly pieceSize: number;
  /** One bit for each piece, lowest bit first; set when the part file has all of the piece. */
  readonly bitmap: Uint8Array<ArrayBuffer>;
  /** The CRC-32 of each piece; 0 where the bitmap has none. */
  readonly crcs: Uint32Array<ArrayBuffer>;
  /** What the part file has of the other pieces, ascending. */
  readonly partial: readonly CheckedRange[];
}

/** What a checkpoint records; the part file is looked at when it is saved. */
export type Claims = Omit<ControlRecord, "part">;

/** The progress of a download that has just begun. */
export function noProgress({ size = 0 }: RecordedFile, pieceSize: number): RecordedProgress {
  const pieces = Math.ceil(size / pieceSize);
  return {
    pieceSize,
    bitmap: new Uint8Array(Math.ceil(pieces / 8)),
    crcs: new Uint32Array(pieces),
    partial: [],
  };
}

/** Whether it claims every byte of the file. */
export function isComplete({ file: { size }, progress: { pieceSize, bitmap } }: ControlRecord): boolean {
  if (size === undefined) return false;
  const pieces = Math.ceil(size / pieceSize);
  for (let piece = 0; piece < pieces; piece++) {
    if (((bitmap[piece >> 3]! >> (piece & 7)) & 1) === 0) return false;
  }
  return true;
}
