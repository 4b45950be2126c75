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
 * A change of some fields of a version. Missing fields do not change. A validator that was never given is
 * derived from the seed and the size, so that other content gets another version. `null` means that the
 * server does not send the validator.
 */
export type VersionChange = { readonly [Key in keyof FileVersion]?: FileVersion[Key] | undefined };

/** A request as the server received it, and its response so far. */
export interface RecordedRequest {
  /** Counts requests from 0, over all connections. */
  readonly index: number;
  /** Number of its connection, counted from 1. */
  readonly connection: number;
  /** Milliseconds on the monotonic clock (`performance.now()`) when its head was complete. */
  readonly receivedAtMs: number;
  /** Method, upper case as sent. */
  readonly method: string;
  /** The request target, query string included. */
  readonly path: string;
  /** Fields by lower-case name; repeated ones are joined by a comma. */
  readonly headers: Readonly<Record<string, string>>;
  /** Fields as received: case of names, order and repetition unchanged. */
  readonly rawHeaders: readonly (readonly [name: string, value: string])[];
  /**
   * The bytes that `Range` requests of the server's version; `undefined` without `Range`, or when the version
   * has no such bytes.
   */
  readonly range: ByteRange | undefined;
  /** Status of the response, 0 until its head is handed to the socket. */
  readonly status: number;
  /** Bytes of the body that were handed to the socket so far. */
  readonly bodyBytes: number;
}

/**
 * Differences from the response of a correct static server. Counts of bytes are bytes of the body, without
 * the framing of chunks.
 */
export interface Reply extends VersionChange {
  /** Status. 200 always sends the complete file, 206 a range, a status above 299 no content. */
  readonly status?: number;
  /**
   * Additional fields. A field replaces the one of the same name (in any case). `undefined` removes a field,
   * an array repeats it. Names and values are sent unchecked, so a field may be false.
   */
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The complete head as sent, blank line included. Nothing is added. */
  readonly rawHead?: string;
  /** Heads of 1xx responses to send first: status line and fields, without the blank line. */
  readonly informational?: readonly string[];
  /** The range to send in place of the requested one. */
  readonly range?: ByteRange;
  /**
   * Bytes to send in place of the content. `Content-Length` is their length; all other fields are unchanged.
   */
  readonly body?: Uint8Array | string;
  /**
   * Number of bytes to send, while the head stays unchanged. A surplus continues with the content (or with
   * zeros after `body`). After a shorter body the server ends the connection, unless the body is chunked.
   */
  readonly bodyLength?: number;
  /**
   * Send the body in chunks, without a length.
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
   * How a chunked body ends: complete; cut before the last chunk; or cut before the last line break.
   *
   * @default {"complete"}
   */
  readonly chunkedEnd?: "complete" | "cut" | "no-last-crlf";
  /**
   * Send neither a length nor chunks, and end the connection after the body.
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
   * Destroy the connection immediately.
   *
   * @default {false}
   */
  readonly refuse?: boolean;
  /** Bytes a second of this response, evenly spread. */
  readonly throttle?: number;
  /** Milliseconds between bytes, which are sent one by one. */
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
   * Called once for each request, before anything is sent. The returned reply changes the response;
   * `undefined` leaves the response correct. An error that it throws ends the connection, and `stop()` throws
   * the same error.
   */
  readonly respond?: (request: RecordedRequest) => Reply | undefined;
  /**
   * Milliseconds until the server stops by itself.
   *
   * @default {170000}
   */
  readonly maxLifetimeMs?: number;
}
