import type { HttpConnection } from "./http_connection.ts";

/** Status line and fields of a response. */
export interface ResponseHead {
  readonly status: number;
  /** Minor number of the version HTTP/1. */
  readonly minorVersion: number;
  readonly headers: Headers;
}

/** A response that cannot be understood. The message continues "Cannot use the response of …: ". */
export class MalformedResponseError extends Error {
  override readonly name = "MalformedResponseError";
}

/** Longest head. curl takes 300 KiB. */
const MAX_HEAD_BYTES = 512 * 1024;
/** curl takes as many. */
const MAX_FIELDS = 5000;
/** Longest empty lines before a head. */
const MAX_EMPTY_BYTES = 1024;
/** Bytes that are searched for the end of the head at a time. */
const SLICE_BYTES = 4096;
/** Programs whose output passes through the text mode of Windows end their lines with two carriage returns. */
const EMPTY_LINE = /\n\r{0,2}\n/g;
const LINE_END = /\r{0,2}\n/;
/** curl takes any blanks, none after the status, and the version of HTTP/2. */
const STATUS_LINE = /^HTTP\/(?:1\.([01])|2(?:\.0)?)[ \t]+([1-9]\d\d)(?!\d)/i;
const SWITCHING_PROTOCOLS = 101;

/** RFC 9110, section 5.6.2. */
const TOKEN = /^[!#$%&'*+.^`|~\w-]+$/;
/** RFC 9110, section 5.5; a tab is allowed. */
// deno-lint-ignore no-control-regex
const CONTROL = /[\0-\x08\x0a-\x1f\x7f]/;

/** Reads the head of the final response, and passes over interim ones. `undefined` when the connection ended. */
export async function readResponseHead(connection: HttpConnection): Promise<ResponseHead | undefined> {
  for (;;) {
    const text = await readText(connection);
    const head = text === undefined ? undefined : parseResponseHead(text);
    if (head?.status === SWITCHING_PROTOCOLS) malformed("it changes the protocol");
    if (head === undefined || head.status >= 200) return head;
  }
}

/** Reads up to and with the empty line. One character stands for each byte. */
async function readText(connection: HttpConnection): Promise<string | undefined> {
  let text = "";
  while (text.length < MAX_HEAD_BYTES) {
    const chunk = await readHeadBytes(connection, text === "");
    if (chunk === undefined) {
      if (text === "") return undefined;
      malformed("its head is cut off");
    }
    const before = text.length;
    // Most of a chunk may be body, so it is looked at bit by bit.
    text += latin1(chunk.subarray(0, SLICE_BYTES));
    connection.unread(chunk.subarray(SLICE_BYTES));
    EMPTY_LINE.lastIndex = Math.max(0, before - 4);
    if (EMPTY_LINE.test(text)) {
      const end = EMPTY_LINE.lastIndex;
      connection.unread(chunk.subarray(end - before));
      return text.slice(0, end);
    }
    if (!"HTTP/".startsWith(text.slice(0, 5).toUpperCase())) malformed("its head is malformed");
  }
  malformed("its head is too long");
}

/** The next bytes, without empty lines at the start of a head. Some servers send one after a body. */
async function readHeadBytes(
  connection: HttpConnection,
  isStart: boolean,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  for (let skipped = 0; skipped <= MAX_EMPTY_BYTES;) {
    const chunk = await connection.read();
    const start = isStart ? chunk?.findIndex((byte) => byte !== 10 && byte !== 13) ?? 0 : 0;
    if (chunk === undefined || start >= 0) return chunk?.subarray(start);
    skipped += chunk.length;
  }
  malformed("its head is malformed");
}

/**
 * Reads a head. Lines may end with a line feed alone, and fields may be folded, as in curl. As in browsers, a name
 * may have blanks after it, and a field whose name is none is ignored.
 */
export function parseResponseHead(text: string): ResponseHead {
  const [statusLine = "", ...lines] = text.split(LINE_END);
  const [, minor = "1", status] = STATUS_LINE.exec(statusLine) ?? [];
  if (status === undefined || CONTROL.test(statusLine)) malformed("its head has a malformed first line");
  const fields: [name: string, value: string][] = [];
  for (const line of lines) {
    if (line === "") continue;
    const value = line.trim();
    const last = fields.at(-1);
    if (/^[ \t]/.test(line)) {
      if (last === undefined) malformed("its head has a malformed field");
      last[1] = `${last[1]} ${value}`.trim();
      continue;
    }
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(colon, 0)).trimEnd();
    if (colon < 0 || CONTROL.test(name)) malformed("its head has a malformed field name");
    fields.push([name, line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "")]);
  }
  if (fields.length > MAX_FIELDS) malformed("its head has too many fields");
  if (fields.some(([, value]) => CONTROL.test(value))) malformed("its head has a malformed field value");
  return {
    status: Number(status),
    minorVersion: Number(minor),
    headers: new Headers(fields.filter(([name]) => TOKEN.test(name))),
  };
}

/** Throws a {@linkcode MalformedResponseError}. */
export function malformed(problem: string): never {
  throw new MalformedResponseError(problem);
}

/** A TextDecoder does not fit: its "latin1" is windows-1252, which maps some bytes to other characters. */
function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
