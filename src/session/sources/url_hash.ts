import { createHash } from "node:crypto";
import type { RecordedFile } from "../../storage/control_record.ts";
import { unsignedQuery } from "./signed_url.ts";

const QUERY_HASH_DIGITS = 6;

/** Identifies a file on a server in the control file, without the parts of its URL that may be secret. */
export function hashUrl(url: string): string {
  const { origin, pathname } = new URL(url);
  return createHash("sha256").update(origin + pathname).digest("hex");
}

/**
 * The first digits of the query's hash. They are enough to detect another query, and too few to guess a secret in
 * it. A temporary signature is left out, as it does not identify the file.
 */
export function hashQuery(url: string): string {
  return createHash("sha256").update(unsignedQuery(url)).digest("hex").slice(0, QUERY_HASH_DIGITS);
}

/**
 * Whether a control file belongs to this URL and its query. Another query may mean another signature or another
 * file.
 */
export function isOfUrl({ urlHash, queryHash }: RecordedFile, url: string): boolean {
  return urlHash === hashUrl(url) && queryHash === hashQuery(url);
}
