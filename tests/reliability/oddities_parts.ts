import { Buffer } from "node:buffer";
import type { OddCase } from "./oddities_case.ts";

const BOUNDARY = "a6c9d1f0";

/** A range as it was asked for. */
export interface Asked {
  readonly first: number;
  /** The last byte; `undefined` for the rest. */
  readonly last: number | undefined;
}

/** Reads a `Range` of the only form that downloaders of one file send. */
export function readRange(field: string | undefined): Asked | undefined {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(field ?? "") ?? [];
  return first === undefined ? undefined : { first: Number(first), last: last ? Number(last) : undefined };
}

/** Whether a server that refuses some ranges refuses this one. */
export function isRefused({ first, last }: Asked, odd: OddCase, size: number): boolean {
  if (odd.refusal === undefined) return false;
  const { when = "any" } = odd.refusal;
  if (when === "any") return true;
  if (when === "behind") return last !== undefined && last >= size;
  return Math.min(size, (last ?? size) + 1) - first > when;
}

/** A part of a file, and what is said of it. */
export interface Part {
  readonly start: number;
  readonly end: number;
  /** `Content-Range` fields, as sent. */
  readonly contentRanges: readonly string[];
  /** What stands in place of the file's own Content-Type. */
  readonly type?: string;
  /** What goes before and behind the bytes. */
  readonly before: Uint8Array;
  readonly behind: Uint8Array;
}

const NOTHING = new Uint8Array();

/** The part that an odd server has for a range that begins within its file of `size` bytes. */
export function makePart(asked: Asked, odd: OddCase, size: number): Part {
  const start = asked.first;
  let end = Math.min(size, (asked.last ?? size) + 1);
  if (odd.ranges === "to the end") end = size;
  if (odd.ranges === "short") end = start + Math.ceil((end - start) / 2);
  const contentRanges = contentRangeFields(start, end, asked, odd, size);
  const part = { start, end, contentRanges, before: NOTHING, behind: NOTHING };
  if (odd.ranges !== "multipart") return part;
  const type = odd.type ? `Content-Type: ${odd.type}\r\n` : "";
  const head = contentRanges.map((field) => `Content-Range: ${field}\r\n`).join("");
  return {
    ...part,
    contentRanges: [],
    type: `multipart/byteranges; boundary=${BOUNDARY}`,
    before: Buffer.from(`\r\n--${BOUNDARY}\r\n${type}${head}\r\n`),
    behind: Buffer.from(`\r\n--${BOUNDARY}--\r\n`),
  };
}

function contentRangeFields(start: number, end: number, asked: Asked, odd: OddCase, size: number): string[] {
  const last = end - 1;
  switch (odd.contentRange) {
    case "none":
      return [];
    case "unknown total":
      return [`bytes ${start}-${last}/*`];
    case "equals sign":
      return [`bytes=${start}-${last}/${size}`];
    case "no unit":
      return [`${start}-${last}/${size}`];
    case "colon":
      return [`bytes: ${start}-${last}/${size}`];
    case "blanks":
      return [`bytes  ${start} - ${last} / ${size}`];
    case "other case":
      return [`Bytes ${start}-${last}/${size}`];
    case "twice":
      return [`bytes ${start}-${last}/${size}`, `bytes ${start}-${last}/${size}`];
    case "start off by one":
      return [`bytes ${start + 1}-${last + 1}/${size}`];
    case "end off by one":
      return [`bytes ${start}-${end}/${size}`];
    case "total off by one":
      return [`bytes ${start}-${last}/${size + 1}`];
    case "total is length":
      return [`bytes ${start}-${last}/${end - start}`];
    case "total is end":
      return [`bytes ${start}-${last}/${end}`];
    case "end as asked":
      return [`bytes ${start}-${asked.last ?? last}/${size}`];
    case undefined:
      return [`bytes ${start}-${last}/${size}`];
  }
}
