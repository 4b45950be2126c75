import type { ByteRange } from "../../types.ts";

/** A parsed `Content-Range` field (RFC 9110, section 14.4). */
export interface ContentRange {
  /** The range of the body; `undefined` in a 416 response. */
  readonly range: ByteRange | undefined;
  /** Size of the complete file; `undefined` for `*`. */
  readonly size: number | undefined;
}

/** The value of a `Range` field (RFC 9110, section 14.2). */
export function formatRange({ start, end }: ByteRange): string {
  return `bytes=${start}-${end === Infinity ? "" : end - 1}`;
}

/**
 * Reads a `Content-Range` field; `undefined` when it is malformed or contradicts itself. Additional blanks, a
 * missing unit, or another sign after the unit are accepted, because the meaning is clear.
 */
export function parseContentRange(field: string): ContentRange | undefined {
  const match = /^\s*(?:bytes\s*[=:]?)?\s*(?:(\d+)\s*-\s*(\d+)|\*)\s*\/\s*(\d+|\*)\s*$/i.exec(field);
  if (match === null) return undefined;
  const size = match[3] === "*" ? undefined : parseCount(match[3]!);
  if (size === undefined && match[3] !== "*") return undefined;
  if (match[1] === undefined) return size === undefined ? undefined : { range: undefined, size };
  const start = parseCount(match[1]);
  const last = parseCount(match[2]!);
  if (start === undefined || last === undefined || last < start) return undefined;
  if (size !== undefined && last >= size) return undefined;
  return { range: { start, end: last + 1 }, size };
}

/** A decimal number that a `number` holds exactly, also after adding one. */
export function parseCount(digits: string): number | undefined {
  if (!/^\d+$/.test(digits)) return undefined;
  const value = Number(digits);
  return value < Number.MAX_SAFE_INTEGER ? value : undefined;
}
