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

/** The framing of the body that follows a head. */
export function framingOf({ status, headers }: ResponseHead): Framing {
  if (status === 204 || status === 304) return { kind: "length", length: 0 };
  const codings = listOf(headers.get("transfer-encoding")).filter((coding) => coding !== "identity");
  if (codings.length > 0) {
    if (codings.some((coding) => coding !== "chunked")) broken(`it has the coding ${codings.join(", ")}`);
    return { kind: "chunked" };
  }
  const lengths = new Set(listOf(headers.get("content-length")));
  if (lengths.size === 0) return { kind: "connection" };
  const [length = ""] = lengths;
  if (lengths.size > 1 || !/^\d+$/.test(length) || !Number.isSafeInteger(Number(length))) {
    broken("it has a malformed Content-Length");
  }
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

/** The bytes of a body. Throws when the connection ends before the body does. */
export function readBody(
  connection: HttpConnection,
  framing: Framing,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  switch (framing.kind) {
    case "length":
      return readLength(connection, framing.length);
    case "chunked":
      return readChunked(connection);
    case "connection":
      return readToEnd(connection);
  }
}

async function* readLength(
  connection: HttpConnection,
  length: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  for (let left = length; left > 0;) {
    const chunk = await more(connection);
    if (chunk.length > left) connection.unread(chunk.subarray(left));
    const wanted = chunk.length > left ? chunk.subarray(0, left) : chunk;
    left -= wanted.length;
    yield wanted;
  }
}

async function* readChunked(connection: HttpConnection): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  for (;;) {
    const line = await readLine(connection);
    const [size = ""] = line.split(";");
    if (!/^[\da-f]{1,13}$/i.test(size.trim())) broken("its chunks are malformed");
    const length = parseInt(size, 16);
    if (length === 0) break;
    yield* readLength(connection, length);
    if (await readLine(connection) !== "") broken("its chunks are malformed");
  }
  for (let bytes = 0; bytes < MAX_LINE_BYTES;) {
    const line = await readLine(connection);
    if (line === "") return;
    bytes += line.length;
  }
  broken("its trailer is too long");
}

async function* readToEnd(connection: HttpConnection): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  for (let chunk = await connection.read(); chunk !== undefined; chunk = await connection.read()) yield chunk;
}

/** A line without its end. */
async function readLine(connection: HttpConnection): Promise<string> {
  let text = "";
  for (;;) {
    const chunk = await more(connection);
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

async function more(connection: HttpConnection): Promise<Uint8Array<ArrayBuffer>> {
  const chunk = await connection.read();
  return chunk ?? broken("the server closed it early");
}

/** Throws an error like that of a broken connection: another try may get a response that is intact. */
function broken(problem: string): never {
  throw new Error(problem);
}

/** The words of a list in lower case. */
function listOf(field: string | null): string[] {
  return (field ?? "").toLowerCase().split(",").map((word) => word.trim()).filter((word) => word !== "");
}
