import { DownloadError } from "../errors.ts";

/** A response does not fit the request. Another kind of request may lead to one that does. */
export class UnusableResponseError extends DownloadError {
  constructor(reason: string, options: { readonly retryable?: boolean } = {}) {
    super("bad_response", `Cannot use the response: ${reason}`, { ...options, reason });
  }
}

/** A server reports two sizes for one version. Neither can be relied on. */
export class ContradictionError extends UnusableResponseError {
  constructor(known: number, seen: number | "more") {
    super(`the server says that this version of the file has ${known} bytes, and that it has ${seen}`);
  }
}
