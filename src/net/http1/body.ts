import type { HttpConnection } from "./http_connection.ts";
import type { ResponseHead } from "./response_head.ts";

/** How the end of a body is found (RFC 9112, section 6.3). */
export type Framing =
  | { readonly kind: "length"; readonly length: number }
  | { readonly kind: "chunked" }
  /** The end of the connection is the end of the body. */
  | { readonly kind: "connection" };

/** Longest line of a chunk's size, and longest trailer section. */
const MAX_LINE_BYTES = 16 * 1024;

/** The size may have zeros before it. What follows it means nothing. */
const CHUNK_SIZE = /^[ \t]*0*([\da-f]{1,13})(?:[; \t]|$)/i;

/**
 * The framing of the body that follows a head. A malformed length counts as none here; the check of the response
 * refuses it.
 */
export function framingOf({ status, headers }: ResponseHead): Framing {
  if (status === 204 || status === 304) return { kind: "length", length: 0 };
  const codings = listOf(headers.get("transfer-encoding")).filter((coding) => coding !== "identity");
  if (codings.length > 0) {
    return { kind: codings.at(-1) === "chunked" ? "chunked" : "connection" };
  }
  const [length, ...others] = new Set(listOf(headers.get("content-length")));
  if (length === undefined || others.length > 0 || !/^\d+$/.test(length)) return { kind: "connection" };
  return { kind: "length", length: Number(length) };
}

/** Whether the connection serves another request after this response. */
export function isPersistent({ minorVersion, headers }: ResponseHead, framing: Framing): boolean {
  if (framing.kind === "connection") return false;
  // Whoever sends both may be mistaken about the end.
  if (framing.kind === "chunked" && headers.has("content-length")) return false;
  const options = listOf(headers.get("connection"));
  return !options.includes("close") && (minorVersion === 1 || options.includes("keep-alive"));
}

/** The body of a response. */
export class Body {
  readonly #connection: HttpConnection;
  readonly #framing: Framing;
  /** Bytes left of the body, or of its current chunk. */
  #left: number;
  #isFirstChunk = true;
  #isAfterLastChunk = false;

  constructor(connection: HttpConnection, framing: Framing) {
    this.#connection = connection;
    this.#framing = framing;
    this.#left = framing.kind === "length" ? framing.length : 0;
  }

  /**
   * Fills the start of `into`, and returns the number of bytes; 0 at the end. Throws when the connection ends
   * before the body does. Reads must not overlap.
   */
  async read(into: Uint8Array<ArrayBuffer>): Promise<number> {
    if (this.#framing.kind === "connection") return await this.#connection.readInto(into);
    if (this.#framing.kind === "chunked" && this.#left === 0) await this.#startChunk();
    if (this.#left === 0) return 0;
    const length = await this.#connection.readInto(into.subarray(0, this.#left));
    if (length === 0) broken("the server closed it early");
    this.#left -= length;
    return length;
  }

  async #startChunk(): Promise<void> {
    if (this.#isAfterLastChunk) return;
    if (!this.#isFirstChunk && await readLine(this.#connection) !== "") broken("its chunks are malformed");
    this.#isFirstChunk = false;
    const [, size] = CHUNK_SIZE.exec(await readLine(this.#connection)) ?? [];
    if (size === undefined) broken("its chunks are malformed");
    this.#left = parseInt(size, 16);
    if (this.#left > 0) return;
    await readTrailer(this.#connection);
    this.#isAfterLastChunk = true;
  }
}

async function readTrailer(connection: HttpConnection): Promise<void> {
  for (let bytes = 0; bytes < MAX_LINE_BYTES;) {
    const line = await readLine(connection);
    if (line === "") return;
    bytes += line.length;
  }
  broken("its trailer is too long");
}

/** A line without its end. */
async function readLine(connection: HttpConnection): Promise<string> {
  let text = "";
  for (;;) {
    const chunk = await connection.read() ?? broken("the server closed it early");
    const end = chunk.subarray(0, MAX_LINE_BYTES).indexOf(10);
    text += String.fromCharCode(...chunk.subarray(0, end < 0 ? MAX_LINE_BYTES : end));
    if (text.length > MAX_LINE_BYTES || (end < 0 && chunk.length > MAX_LINE_BYTES)) {
      broken("its chunks are malformed");
    }
    if (end < 0) continue;
    connection.unread(chunk.subarray(end + 1));
    return text.replace(/\r$/, "");
  }
}

/** Throws an error like that of a broken connection: another try may get a response that is intact. */
function broken(problem: string): never {
  throw new Error(problem);
}

/** The words of a list in lower case. */
function listOf(field: string | null): string[] {
  return (field ?? "").toLowerCase().split(",").map((word) => word.trim()).filter((word) => word !== "");
}
