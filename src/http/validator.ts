import type { Validator } from "../types.ts";
import { parseHttpDate } from "./fields/headers.ts";

/**
 * A younger date is weak: the file may change again within the second of its date (RFC 9110, section
 * 8.8.2.2).
 */
export const YOUNG_MS = 2000;

/** The validator of a response. `wallMs` replaces a missing `Date`. */
export function validatorOf(headers: Headers, wallMs: number): Validator {
  const lastModified = headers.get("last-modified") ?? undefined;
  return {
    etag: headers.get("etag") ?? undefined,
    lastModified,
    isYoung: lastModified !== undefined && ageOf(headers, wallMs) < YOUNG_MS,
  };
}

/** Milliseconds between the last change of the file and the response; `Infinity` if unknown. */
export function ageOf(headers: Headers, wallMs: number): number {
  const changedMs = parseHttpDate(headers.get("last-modified") ?? "");
  const sentMs = parseHttpDate(headers.get("date") ?? "") ?? wallMs;
  return changedMs === undefined ? Infinity : sentMs - changedMs;
}

/**
 * The value for `If-Range` (RFC 9110, section 13.1.5). `undefined` when no validator can prove that two
 * responses belong to one version.
 */
export function strongValidator({ etag, lastModified, isYoung }: Validator): string | undefined {
  if (etag !== undefined && isStrong(etag)) return etag;
  return isYoung ? undefined : lastModified;
}

/** Whether the server names the version. If only a young date does, the bytes must also be compared. */
export function namesVersion({ etag, lastModified }: Validator): boolean {
  return lastModified !== undefined || (etag !== undefined && isStrong(etag));
}

/**
 * Whether a part names its version with the same fields as the file. A part must have an ETag if the file has
 * a strong one. The date may only be missing in a response to `If-Range` (RFC 9110, section 15.3.7).
 */
export function identifiesVersion(known: Validator, seen: Validator, saidIfRange: boolean): boolean {
  if (known.etag !== undefined && isStrong(known.etag)) return seen.etag !== undefined;
  return saidIfRange || known.lastModified === undefined || seen.lastModified !== undefined;
}

/**
 * Whether two responses may belong to one version. A missing field does not contradict. A different date
 * does, even with equal ETags.
 */
export function agree(a: Validator, b: Validator): boolean {
  if (a.etag !== undefined && b.etag !== undefined && opaqueTag(a.etag) !== opaqueTag(b.etag)) return false;
  return a.lastModified === undefined || b.lastModified === undefined || a.lastModified === b.lastModified;
}

/**
 * Whether two responses certainly belong to one version: by an equal strong ETag, or an equal date that is
 * not young.
 */
export function proveSame(a: Validator, b: Validator): boolean {
  if (!agree(a, b)) return false;
  if (a.etag !== undefined && a.etag === b.etag && isStrong(a.etag)) return true;
  return a.lastModified !== undefined && b.lastModified !== undefined && !a.isYoung;
}

/** The strong ETag of a version that had the same weak ETag before. */
export function strongerTag(known: Validator, seen: Validator): string | undefined {
  if (known.etag === undefined || seen.etag === undefined) return undefined;
  if (isStrong(known.etag) || !isStrong(seen.etag)) return undefined;
  return opaqueTag(known.etag) === seen.etag ? seen.etag : undefined;
}

function isStrong(etag: string): boolean {
  return !/^W\//i.test(etag);
}

function opaqueTag(etag: string): string {
  return etag.replace(/^W\//i, "");
}
