import { Buffer } from "node:buffer";
import { STATUS_CODES } from "node:http";
import type { ByteRange } from "../src/types.ts";
import { fillContent } from "./content.ts";
import { requestedRange, type RequestHead } from "./request.ts";
import type { FileVersion, Reply } from "./types.ts";

const DEFAULT_CHUNK_BYTES = 65_536;

/** A complete plan of a response, ready to send. */
export interface ResponsePlan {
  readonly status: number;
  readonly head: string;
  /** Bytes of body to send. */
  readonly length: number;
  /** Fills `out` with the body from `position` on. */
  readonly fill: (position: number, out: Uint8Array) => void;
  /** Offset in the file where the body starts; `undefined` when the body is not content of the file. */
  readonly contentStart: number | undefined;
  /** Bytes in a chunk; `undefined` when the body is not chunked. */
  readonly chunkSize: number | undefined;
  /** Whether the connection ends with this response. */
  readonly closes: boolean;
}

type Field = readonly [name: string, value: string];

/** Plans the response to `request`. Pure, except for the clock in `Date`. */
export function planResponse(request: RequestHead, version: FileVersion, reply: Reply): ResponsePlan {
  const requested = requestedRange(request, version);
  const status = reply.status ?? (reply.range !== undefined ? 206 : defaultStatus(request.method, requested));
  const content = contentRange(status, version.size, reply.range, requested);
  const body = reply.body === undefined ? undefined : Buffer.from(reply.body);
  const bodyless = request.method === "HEAD" || status === 204 || status === 304;
  const promised = body !== undefined ? body.length : content.end - content.start;
  const length = bodyless ? 0 : reply.bodyLength ?? promised;

  const fields = overrideFields(
    [
      ["Date", new Date().toUTCString()],
      ...contentFields(status, version, content),
      ...framingFields(status, reply, promised),
      ...connectionFields(request, reply),
    ],
    reply.headers ?? {},
  );
  return {
    status: reply.rawHead === undefined ? status : Number(/^HTTP\/\d\S* (\d+)/.exec(reply.rawHead)?.[1] ?? 0),
    head: reply.rawHead ?? formatHead(status, fields),
    length,
    fill: bodySource(body, version, content.start),
    contentStart: body === undefined && isSuccess(status) ? content.start : undefined,
    chunkSize: reply.chunked && !reply.closeDelimited && !bodyless
      ? reply.chunkSize ?? DEFAULT_CHUNK_BYTES
      : undefined,
    closes: saysClose(fields) || (!bodyless && !isDelimited(reply, fields, length, promised)),
  };
}

function saysClose(fields: readonly Field[]): boolean {
  return fields.some(([name, value]) => /^connection$/i.test(name) && /\bclose\b/i.test(value));
}

/** Whether a client can find the end of the body while the connection stays open. */
function isDelimited(reply: Reply, fields: readonly Field[], length: number, promised: number): boolean {
  if (reply.chunked) return (reply.chunkedEnd ?? "complete") === "complete";
  return length >= promised && fields.some(([name]) => /^(content-length|transfer-encoding)$/i.test(name));
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300 && status !== 204;
}

function defaultStatus(method: string, requested: ReturnType<typeof requestedRange>): number {
  if (method !== "GET" && method !== "HEAD") return 405;
  if (requested === "unsatisfiable") return 416;
  return requested === undefined ? 200 : 206;
}

function contentRange(
  status: number,
  size: number,
  given: ByteRange | undefined,
  requested: ReturnType<typeof requestedRange>,
): ByteRange {
  if (!isSuccess(status)) return { start: 0, end: 0 };
  if (given !== undefined) return given;
  return status === 206 && typeof requested === "object" ? requested : { start: 0, end: size };
}

function contentFields(status: number, version: FileVersion, { start, end }: ByteRange): Field[] {
  if (status === 416) return [["Content-Range", `bytes */${version.size}`]];
  if (status === 405) return [["Allow", "GET, HEAD"]];
  if (!isSuccess(status)) return [];
  const fields: Field[] = [["Content-Type", "application/octet-stream"], ["Accept-Ranges", "bytes"]];
  if (version.etag !== null) fields.push(["ETag", version.etag]);
  if (version.lastModified !== null) fields.push(["Last-Modified", version.lastModified]);
  if (status === 206) fields.push(["Content-Range", `bytes ${start}-${end - 1}/${version.size}`]);
  return fields;
}

function framingFields(status: number, reply: Reply, promised: number): Field[] {
  if (status === 204 || status === 304 || reply.closeDelimited) return [];
  return [reply.chunked ? ["Transfer-Encoding", "chunked"] : ["Content-Length", `${promised}`]];
}

function connectionFields(request: RequestHead, reply: Reply): Field[] {
  // A request of another method may have a body. The server does not read it, so no further request can
  // follow.
  const unread = request.method !== "GET" && request.method !== "HEAD";
  const unwanted = request.isHttp10 || /\bclose\b/i.test(request.headers["connection"] ?? "");
  return unread || unwanted || reply.closeDelimited ? [["Connection", "close"]] : [];
}

function overrideFields(fields: readonly Field[], changes: NonNullable<Reply["headers"]>): Field[] {
  const changed = new Set(Object.keys(changes).map((name) => name.toLowerCase()));
  const kept = fields.filter(([name]) => !changed.has(name.toLowerCase()));
  for (const [name, value] of Object.entries(changes)) {
    for (const one of typeof value === "string" ? [value] : value ?? []) kept.push([name, one]);
  }
  return kept;
}

function formatHead(status: number, fields: readonly Field[]): string {
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Unknown"}\r\n${lines.join("")}\r\n`;
}

function bodySource(body: Uint8Array | undefined, version: FileVersion, start: number): ResponsePlan["fill"] {
  if (body === undefined) return (position, out) => fillContent(version.seed, start + position, out);
  return (position, out) => {
    const part = body.subarray(position, position + out.length);
    out.set(part);
    out.fill(0, part.length);
  };
}
