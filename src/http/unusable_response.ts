import { DownloadError } from "../errors.ts";

/** A response arrived whole and does not fit what was asked. Another way of asking may bring one that does. */
export class UnusableResponseError extends DownloadError {
  constructor(reason: string, options: { readonly retryable?: boolean } = {}) {
    super("bad_response", `Cannot use the response: ${reason}`, { reason, ...options });
  }
}

/** A server says two sizes of what it calls one version: neither can be relied on. */
export class ContradictionError extends UnusableResponseError {
  constructor(known: number, seen: number | "more") {
    super(`the server says that this version of the file has ${known} bytes, and that it has ${seen}`);
  }
}
