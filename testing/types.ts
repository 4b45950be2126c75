import type { ByteRange } from "../src/types.ts";

/** One version of the file on the server. */
export interface FileVersion {
  /** Chooses the content. */
  readonly seed: number;
  /** Size in bytes. */
  readonly size: number;
  /** The `ETag` field as sent, quotes included; `null` for none. */
  readonly etag: string | null;
  /** The `Last-Modified` field as sent; `null` for none. */
  readonly lastModified: string | null;
}

/**
 * Parts of a version; those left out stay as they are. A validator that was never given follows from the seed and
 * the size, so that another content looks like another version; `null` means that it is not sent.
 */
export type VersionChange = { readonly [Key in keyof FileVersion]?: FileVersion[Key] | undefined };

/** A request as the server saw it, and what became of it. */
export interface RecordedRequest {
  /** Counts requests from 0, over all connections. */
  readonly index: number;
  /** The connection it came on, counted from 1. */
  readonly connection: number;
  /** Milliseconds on the monotonic clock (`performance.now()`) when its head was complete. */
  readonly receivedAtMs: number;
  /** Method, upper case as sent. */
  readonly method: string;
  /** The request target, query string included. */
  readonly path: string;
  /** Fields by lower-case name; repeated ones are joined by a comma. */
  readonly headers: Readonly<Record<string, string>>;
  /** Fields as they came: names in their own case, order and repetition kept. */
  readonly rawHeaders: readonly (readonly [name: string, value: string])[];
  /** What `Range` asks of the server's version; `undefined` without it, or where it cannot be satisfied. */
  readonly range: ByteRange | undefined;
  /** Status of the response, 0 until its head is handed to the socket. */
  readonly status: number;
  /** Bytes of the body that were handed to the socket so far. */
  readonly bodyBytes: number;
}

/**
 * What to do otherwise than a correct static server. Counts of bytes are bytes of the body, without the
 * framing of chunks.
 */
export interface Reply extends VersionChange {
  /** Status; 200 sends the whole file whatever was asked, 206 a range, one above 299 no content. */
  readonly status?: number;
  /**
   * Fields that replace those of the same name (in any case), or join them. `undefined` removes one, an array
   * repeats it. Names and values are sent unchecked, so a field may lie.
   */
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The whole head as it is sent, blank line included; nothing is added. */
  readonly rawHead?: string;
  /** Heads of 1xx responses to send first: status line and fields, without the blank line. */
  readonly informational?: readonly string[];
  /** The range to serve in place of what was asked for. */
  readonly range?: ByteRange;
  /** Bytes to send in place of the content; `Content-Length` follows them, all else stays. */
  readonly body?: Uint8Array | string;
  /**
   * Bytes to send while the head promises what it would otherwise. A surplus goes on with the content (or with zeros
   * after `body`); after less, the connection is ended, unless the body is chunked.
   */
  readonly bodyLength?: number;
  /**
   * Send the body in chunks and without a length.
   *
   * @default {false}
   */
  readonly chunked?: boolean;
  /**
   * Bytes in one chunk.
   *
   * @default {65536}
   */
  readonly chunkSize?: number;
  /**
   * How a chunked body ends: well terminated; with the connection in place of the last chunk; or with the
   * connection before the last line break.
   *
   * @default {"complete"}
   */
  readonly chunkedEnd?: "complete" | "cut" | "no-last-crlf";
  /**
   * Send no length, nor chunks, and end the connection after the body.
   *
   * @default {false}
   */
  readonly closeDelimited?: boolean;
  /** End the connection in order (FIN) after this many bytes. */
  readonly cutAfter?: number;
  /** Reset the connection (RST) after this many bytes. */
  readonly resetAfter?: number;
  /** Send nothing more after this many bytes, and keep the connection open. */
  readonly silentAfter?: number;
  /** Milliseconds to wait before the head. */
  readonly delayMs?: number;
  /**
   * Never send a head, and keep the connection open.
   *
   * @default {false}
   */
  readonly never?: boolean;
  /**
   * Destroy the connection at once.
   *
   * @default {false}
   */
  readonly refuse?: boolean;
  /** Bytes a second on this connection, evenly spread. */
  readonly throttle?: number;
  /** Milliseconds between bytes, which go out one by one. */
  readonly dripMs?: number;
}

/** Settings of a fault server. */
export interface FaultServerOptions extends VersionChange {
  /** Size of the file in bytes. */
  readonly size: number;
  /**
   * Chooses the content.
   *
   * @default {1}
   */
  readonly seed?: number;
  /**
   * Called once for each request, before anything is sent. What it returns changes the response; `undefined` leaves
   * it correct. What it throws ends the connection and is thrown again by `stop()`.
   */
  readonly respond?: (request: RecordedRequest) => Reply | undefined;
  /**
   * Milliseconds after which the server stops by itself.
   *
   * @default {170000}
   */
  readonly maxLifetimeMs?: number;
}
