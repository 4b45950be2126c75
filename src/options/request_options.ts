/** What to do with a file whose `Content-Encoding` does not follow from its name. */
export type ContentEncoding = "refuse" | "keep";

/** How the server answered a URL that no longer works. */
export interface RefreshRequest {
  /** 401, 403, 404 or 410. */
  readonly status: number;
  /** Aborted when the download is stopped. */
  readonly signal: AbortSignal;
}

/** The URL and the fields to continue with. */
export interface RefreshedSource {
  /** Replaces the spec's URL for the rest of this run. */
  readonly url: string | URL;
  /**
   * Replace the spec's fields of the same name. If `url` has another origin than before, only these fields are sent
   * there, and none of the spec's.
   */
  readonly headers?: HeadersInit;
}

/** Supplies a URL that works, or `undefined` to request the old one once more. */
export type Refresh = (request: RefreshRequest) => Promise<RefreshedSource | undefined>;

/** How a download sends its requests and handles the responses. */
export interface RequestOptions {
  /**
   * Fields to send with each request to the origin of `url`. A redirect to another origin does not get them. Fields
   * that each request sets itself are refused, such as `range`, `accept-encoding` and `host`. String values are sent
   * in UTF-8. Values of a `Headers` object are bytes, one for each character.
   */
  readonly headers?: HeadersInit;
  /**
   * User name for Basic authentication (RFC 7617), and for Digest (RFC 7616) where the server requests it. It is
   * sent to the same origin as `headers`.
   */
  readonly username?: string;
  /** Password for `username`. */
  readonly password?: string;
  /** Token for `Authorization: Bearer` (RFC 6750). */
  readonly bearerToken?: string;
  /**
   * Text of a cookie file in the Netscape format. Its cookies, and cookies that servers set during the download, are
   * sent to the hosts that they belong to (RFC 6265), also after a redirect. A `Cookie` field in `headers` replaces
   * the file's cookies at the origin of `url`. Cookies that servers set are dropped after the download.
   */
  readonly cookies?: string;
  /**
   * What to do when the server sends the file with a `Content-Encoding` that does not follow from its name, such as
   * a page in gzip, although every request forbids an encoding. `"refuse"` fails with `bad_response`. `"keep"` saves
   * the bytes as they arrive, so the file stays encoded. An encoding that follows from the name, such as gzip for a
   * `.tar.gz`, is how the file is stored, and is always accepted. Nothing is ever decoded.
   *
   * @default {"refuse"}
   */
  readonly contentEncoding?: ContentEncoding;
  /**
   * Text of a netrc file. The user and the password of a host are sent to exactly that host, as Basic or Digest
   * credentials. They are also sent after a redirect, but not after one from `https:` to `http:`. The `default`
   * entry is for the host of `url` only. At the origin of `url`, `username`, `bearerToken`, an `Authorization` field
   * and a user in the URL take precedence over the file.
   */
  readonly netrc?: string;
  /**
   * Follows a redirect from `https:` to `http:`. Anybody between this machine and the server can then read and
   * change the file.
   *
   * @default {false}
   */
  readonly allowDowngrade?: boolean;
  /**
   * Called when the server answers 401, 403, 404 or 410 to a URL that may have expired, once for all connections.
   * Without it, the spec's URL is requested once more, as it may redirect to a URL that works.
   */
  readonly refresh?: Refresh;
  /**
   * Milliseconds from sending a request to the head of its response. Name look-up, connection, TLS and the server's
   * own time all count.
   *
   * @default {30000}
   */
  readonly connectTimeoutMs?: number;
  /**
   * Milliseconds that may pass without a byte of a response body.
   *
   * @default {60000}
   */
  readonly readTimeoutMs?: number;
}
