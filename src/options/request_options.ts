/** How to treat a file that the server sends with an encoding that the file's name does not show. */
export type ContentEncoding = "refuse" | "keep";

/** The response to a URL that no longer works. */
export interface RefreshRequest {
  /** Status of the response: 401, 403, 404 or 410. */
  readonly status: number;
  /** This signal is aborted when the download is stopped. */
  readonly signal: AbortSignal;
}

/** The URL and header fields for the rest of this run. */
export interface RefreshedSource {
  /** Replaces the spec's URL. */
  readonly url: string | URL;
  /**
   * Replace the spec's fields of the same name. When `url` has another origin than before, only these fields are sent
   * there, and none of the spec's fields.
   */
  readonly headers?: HeadersInit;
}

/** Supplies a URL that works, or `undefined` to request the old URL once more. */
export type Refresh = (request: RefreshRequest) => Promise<RefreshedSource | undefined>;

/** Options for the requests of a download and for the responses to them. */
export interface RequestOptions {
  /**
   * Header fields for each request to the origin of `url`. A redirect to another origin does not get them. Fields
   * that bytehaul sets itself are refused, such as `range`, `accept-encoding` and `host`. String values are sent in
   * UTF-8. In a `Headers` object each character is one byte.
   */
  readonly headers?: HeadersInit;
  /**
   * User name for Basic authentication (RFC 7617), or for Digest (RFC 7616) when the server requires Digest. The
   * credentials go to the same origin as `headers`.
   */
  readonly username?: string;
  /** Password for `username`. */
  readonly password?: string;
  /** Token for `Authorization: Bearer` (RFC 6750). */
  readonly bearerToken?: string;
  /**
   * Text of a cookie file in the Netscape format. Its cookies, and cookies that servers set during the download, go
   * to the hosts that they belong to (RFC 6265), also after a redirect. A `Cookie` field in `headers` replaces the
   * file's cookies at the origin of `url`. Cookies that servers set are dropped after the download.
   */
  readonly cookies?: string;
  /**
   * How to treat a file that the server sends with a `Content-Encoding` that the file's name does not show, such as a
   * page in gzip. bytehaul requests the file without an encoding. `"refuse"` fails with `bad_response`. `"keep"`
   * stores the bytes as received, so the file is still encoded. An encoding that the name shows, such as gzip for a
   * `.tar.gz`, is the stored form of the file and always accepted. Nothing is ever decoded.
   *
   * @default {"refuse"}
   */
  readonly contentEncoding?: ContentEncoding;
  /**
   * Text of a netrc file. The user and password of a host go only to that host, as Basic or Digest credentials, also
   * after a redirect. They are not sent after a redirect from `https:` to `http:`. The `default` entry is only for
   * the host of `url`. At the origin of `url`, these take precedence: `username`, `bearerToken`, an `Authorization`
   * field, and a user in the URL.
   */
  readonly netrc?: string;
  /**
   * Follows a redirect from `https:` to `http:`. Anyone on the network path can then read and change the file.
   *
   * @default {false}
   */
  readonly allowDowngrade?: boolean;
  /**
   * Called when the server answers 401, 403, 404 or 410 to a URL that may have expired; one call serves all
   * connections. Without this function the spec's URL is requested once more, because it may redirect to a URL that
   * works.
   */
  readonly refresh?: Refresh;
  /**
   * Most milliseconds from sending a request to the head of its response. They include name look-up, connection, TLS
   * and the server's own time.
   *
   * @default {30000}
   */
  readonly connectTimeoutMs?: number;
  /**
   * Most milliseconds without a byte in a response body.
   *
   * @default {60000}
   */
  readonly readTimeoutMs?: number;
}
