import { createHash } from "node:crypto";
import type { RecordedFile } from "../../storage/control_record.ts";
import { unsignedQuery } from "./signed_url.ts";

const QUERY_HASH_DIGITS = 6;

/** Names a file on a server for the control file, without what may be secret in its URL. */
export function hashUrl(url: string): string {
  const { origin, pathname } = new URL(url);
  return createHash("sha256").update(origin + pathname).digest("hex");
}

/**
 * Enough of the query's hash to tell that it is another one, and too little to guess a secret in it. What signs a URL
 * for a while is left out, as it does not say which file is meant.
 */
export function hashQuery(url: string): string {
  return createHash("sha256").update(unsignedQuery(url)).digest("hex").slice(0, QUERY_HASH_DIGITS);
}

/** Whether a control file is of this URL, its query included: another query may be another signature, or another file. */
export function isOfUrl({ urlHash, queryHash }: RecordedFile, url: string): boolean {
  return urlHash === hashUrl(url) && queryHash === hashQuery(url);
}
