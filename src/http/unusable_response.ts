import { DownloadError, type DownloadErrorOptions } from "../errors.ts";

/**
 * A complete response that does not fit its request. Another form of the request may get a usable response.
 */
export class UnusableResponseError extends DownloadError {
  constructor(reason: string, options: DownloadErrorOptions = {}) {
    super("bad_response", `Cannot use the response: ${reason}`, { ...options, reason });
  }
}

/** A server sent two sizes for one version, so neither can be trusted. */
export class ContradictionError extends UnusableResponseError {
  constructor(known: number, seen: number | "more") {
    super(`the server says that this version of the file has ${known} bytes, and that it has ${seen}`);
  }
}
