/** What becomes of a file that the server sends in an encoding that its name does not tell. */
export type ContentEncoding = "refuse" | "keep";

/** What the server said of a URL that no longer works. */
export interface RefreshRequest {
  /** 401, 403, 404 or 410. */
  readonly status: number;
  /** Aborted when the download is stopped. */
  readonly signal: AbortSignal;
}

/** What to go on with. */
export interface RefreshedSource {
  /** Takes the place of the spec's URL for the rest of this run. */
  readonly url: string | URL;
  /**
   * Take the place of the spec's fields of the same name. Where `url` has another origin than before, they are
   * all that it is told: none of the spec's fields goes there.
   */
  readonly headers?: HeadersInit;
}

/** Supplies a URL that works, or `undefined` to ask the old one once more. */
export type Refresh = (request: RefreshRequest) => Promise<RefreshedSource | undefined>;

/** What is sent with the requests of a download, and what is made of the responses. */
export interface RequestOptions {
  /**
   * Fields to send with each request, to the origin of `url` only and not on from a redirect to another.
   * Fields that each request gets by itself are refused, such as `range`, `accept-encoding` and `host`.
   * Values that are strings are sent in UTF-8; those of a `Headers` object are bytes, one to a character.
   */
  readonly headers?: HeadersInit;
  /**
   * User name for Basic authentication (RFC 7617), and for Digest (RFC 7616) where the server asks for that; where
   * `headers` go, this goes.
   */
  readonly username?: string;
  /** Password for `username`. */
  readonly password?: string;
  /** Token for `Authorization: Bearer` (RFC 6750). */
  readonly bearerToken?: string;
  /**
   * Text of a cookie file in the Netscape format. Its cookies go to the hosts that they are for, also when a redirect
   * leads there, and so do those that servers set during the download (RFC 6265). A `Cookie` field in `headers` takes
   * the place of the file's cookies at the origin of `url`. Cookies that servers set are forgotten afterwards.
   */
  readonly cookies?: string;
  /**
   * What becomes of a file that the server sends with a `Content-Encoding` that its name does not tell, such as a page
   * in gzip, although the file itself is asked for. `"refuse"` fails with `bad_response`; `"keep"` takes the bytes as
   * they come, so that the file is still encoded. An encoding that the name tells, such as gzip of a `.tar.gz`, is how
   * the file is stored, and is taken in any case. Nothing is ever decoded.
   *
   * @default {"refuse"}
   */
  readonly contentEncoding?: ContentEncoding;
  /**
   * Text of a netrc file. User and password of a host go to exactly that host, as Basic or Digest credentials, also when
   * a redirect leads there, but not over one from `https:` to `http:`. The `default` entry is for the host of `url` alone.
   * At the origin of `url`, `username`, `bearerToken`, an `Authorization` field and a user in the URL count before it.
   */
  readonly netrc?: string;
  /**
   * Follows a redirect from `https:` to `http:`, where everybody on the way can read and change the file.
   *
   * @default {false}
   */
  readonly allowDowngrade?: boolean;
  /**
   * Asked when the server answers 401, 403, 404 or 410 to a URL that may have expired, once for all connections.
   * Without it the spec's URL is asked once more, which may redirect to one that works.
   */
  readonly refresh?: Refresh;
  /**
   * Milliseconds from sending a request to the head of its response: name look-up, connection, TLS and
   * the server's own time together.
   *
   * @default {30000}
   */
  readonly connectTimeoutMs?: number;
  /**
   * Milliseconds a response body may stay silent.
   *
   * @default {60000}
   */
  readonly readTimeoutMs?: number;
}
