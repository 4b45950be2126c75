import type { Validator } from "../types.ts";
import { parseHttpDate } from "./fields/headers.ts";

/** A file may change again within the second that its date names (RFC 9110, section 8.8.2.2). */
export const YOUNG_MS = 2000;

/** What identifies the version that a response belongs to. `wallMs` stands in for a `Date` that is not there. */
export function validatorOf(headers: Headers, wallMs: number): Validator {
  const lastModified = headers.get("last-modified") ?? undefined;
  return {
    etag: headers.get("etag") ?? undefined,
    lastModified,
    isYoung: lastModified !== undefined && ageOf(headers, wallMs) < YOUNG_MS,
  };
}

/** Milliseconds between the last change of the file and the response, `Infinity` where that cannot be told. */
export function ageOf(headers: Headers, wallMs: number): number {
  const changedMs = parseHttpDate(headers.get("last-modified") ?? "");
  const sentMs = parseHttpDate(headers.get("date") ?? "") ?? wallMs;
  return changedMs === undefined ? Infinity : sentMs - changedMs;
}

/**
 * The value for `If-Range` (RFC 9110, section 13.1.5), or `undefined` when nothing the server sent can
 * prove that two responses belong to one version.
 */
export function strongValidator({ etag, lastModified, isYoung }: Validator): string | undefined {
  if (etag !== undefined && isStrong(etag)) return etag;
  return isYoung ? undefined : lastModified;
}

/** Whether a server names the version at all; of a date that is too young the bytes must say the rest. */
export function namesVersion({ etag, lastModified }: Validator): boolean {
  return lastModified !== undefined || (etag !== undefined && isStrong(etag));
}

/**
 * Whether a part names its version as the file did before. A part must carry the ETag that the whole has;
 * only the date may be left out, and only in the answer to `If-Range` (RFC 9110, section 15.3.7).
 */
export function tellsVersion(known: Validator, seen: Validator, saidIfRange: boolean): boolean {
  if (known.etag !== undefined && isStrong(known.etag)) return seen.etag !== undefined;
  return saidIfRange || known.lastModified === undefined || seen.lastModified !== undefined;
}

/**
 * Whether two responses may belong to one version. What either does not tell cannot speak against it; a date that
 * differs does, also beside equal ETags.
 */
export function agree(a: Validator, b: Validator): boolean {
  if (a.etag !== undefined && b.etag !== undefined && opaqueTag(a.etag) !== opaqueTag(b.etag)) return false;
  return a.lastModified === undefined || b.lastModified === undefined || a.lastModified === b.lastModified;
}

/** Whether two responses do belong to one version: an equal strong ETag says so, or an equal date that is not too young. */
export function proveSame(a: Validator, b: Validator): boolean {
  if (!agree(a, b)) return false;
  if (a.etag !== undefined && a.etag === b.etag && isStrong(a.etag)) return true;
  return a.lastModified !== undefined && b.lastModified !== undefined && !a.isYoung;
}

/** The strong ETag that a server gives the version later, whose weak one it gave at first. */
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
