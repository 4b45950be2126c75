import type { ByteRange } from "../src/types.ts";
import type { FileVersion, RecordedRequest } from "./types.ts";

/** A {@linkcode RecordedRequest} while it is being answered. */
export type OpenRequest =
  & { -readonly [Key in keyof RecordedRequest]: RecordedRequest[Key] }
  & Pick<RequestHead, "isHttp10">;

/** What of a request its head alone tells. */
export interface RequestHead extends Pick<RecordedRequest, "method" | "path" | "headers" | "rawHeaders"> {
  /** Whether it is one of HTTP/1.0, after whose response the connection ends. */
  readonly isHttp10: boolean;
}

/** Takes a request head apart; `undefined` when it is none. */
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
 * What a `Range` field asks of a file (RFC 9110, section 14.1.2); `undefined` when there is nothing to satisfy:
 * no field, one to ignore (malformed, several ranges), or `"unsatisfiable"`.
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

/** The range that a correct server answers: only to GET, and only when `If-Range` names this version. */
export function askedRange(
  request: RequestHead,
  version: FileVersion,
): ByteRange | "unsatisfiable" | undefined {
  const { range, "if-range": ifRange } = request.headers;
  if (request.method !== "GET") return undefined;
  if (ifRange !== undefined && !ifRangeMatches(ifRange, version)) return undefined;
  return parseRange(range, version.size);
}

/** By strong ETag or by the very date (RFC 9110, section 13.1.5). */
function ifRangeMatches(field: string, version: FileVersion): boolean {
  return field.startsWith('"') ? field === version.etag : field === version.lastModified;
}
