import type { ByteRange } from "../src/types.ts";
import type { FileVersion, RecordedRequest } from "./types.ts";

/** A {@linkcode RecordedRequest} during its response. */
export type OpenRequest =
  & { -readonly [Key in keyof RecordedRequest]: RecordedRequest[Key] }
  & Pick<RequestHead, "isHttp10">;

/** The part of a request that its head contains. */
export interface RequestHead extends Pick<RecordedRequest, "method" | "path" | "headers" | "rawHeaders"> {
  /** Whether the request is HTTP/1.0. The connection ends after its response. */
  readonly isHttp10: boolean;
}

/** Parses a request head; `undefined` when `text` is not one. */
export function parseRequestHead(text: string): RequestHead | undefined {
  const [requestLine = "", ...lines] = text.split("\r\n");
  const [, method, path, minor] = /^([A-Z]+) (\S+) HTTP\/1\.([01])$/.exec(requestLine) ?? [];
  if (method === undefined || path === undefined) return undefined;
  const headers: Record<string, string> = {};
  const rawHeaders: [string, string][] = [];
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon < 1) return undefined;
    const name = line.slice(0, colon);
    const value = line.slice(colon + 1).trim();
    const key = name.toLowerCase();
    rawHeaders.push([name, value]);
    headers[key] = headers[key] === undefined ? value : `${headers[key]}, ${value}`;
  }
  return { method, path, headers, rawHeaders, isHttp10: minor === "0" };
}

/**
 * The range that a `Range` field requests (RFC 9110, section 14.1.2). `undefined` when there is no field, or
 * when the field is ignored (malformed, several ranges). `"unsatisfiable"` when the file has no such bytes.
 */
export function parseRange(field: string | undefined, size: number): ByteRange | "unsatisfiable" | undefined {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/i.exec(field ?? "") ?? [];
  if (first === undefined || last === undefined || first + last === "") return undefined;
  if (first === "") {
    const start = Math.max(0, size - Number(last));
    return start < size ? { start, end: size } : "unsatisfiable";
  }
  const start = Number(first);
  if (last !== "" && Number(last) < start) return undefined;
  const end = last === "" ? size : Math.min(size, Number(last) + 1);
  return start < size ? { start, end } : "unsatisfiable";
}

/** The range that a correct server sends: only for GET, and only when `If-Range` names this version. */
export function requestedRange(
  request: RequestHead,
  version: FileVersion,
): ByteRange | "unsatisfiable" | undefined {
  const { range, "if-range": ifRange } = request.headers;
  if (request.method !== "GET") return undefined;
  if (ifRange !== undefined && !ifRangeMatches(ifRange, version)) return undefined;
  return parseRange(range, version.size);
}

/** Compares the strong ETag or the exact date (RFC 9110, section 13.1.5). */
function ifRangeMatches(field: string, version: FileVersion): boolean {
  return field.startsWith('"') ? field === version.etag : field === version.lastModified;
}
