import { basename } from "node:path";
import { ChecksumMismatchError } from "../../errors.ts";
import { publishedDigest } from "../../http/fields/published_digest.ts";
import type { ProbeResult } from "../../http/probe.ts";
import { type Checksum, formatChecksum } from "../../options/checksum.ts";
import type { ResolvedSpec } from "../../options/resolved_options.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { fileNameFromUrl } from "../../storage/file_name.ts";
import type { ChecksumSource } from "../../types.ts";
import { findInList, findInListFile } from "../../verify/checksum_list_file.ts";

/** What the file must hash to, and who says so. */
export interface ExpectedChecksum {
  readonly checksum: Checksum;
  readonly source: ChecksumSource;
  /** Whose it is when a server published it beside the file: name or address, and port. */
  readonly host?: string;
}

/** Where the lists come from that `expectedByCaller` looks into. */
export interface ChecksumLists {
  readonly runtime: Runtime;
  readonly fetchList: (url: string) => Promise<Uint8Array>;
}

/** Whether the caller gave what the file must hash to, so that this decides which bytes are right. */
export function isJudgedByChecksum(
  { checksum, checksumFile }: Pick<ResolvedSpec, "checksum" | "checksumFile">,
): boolean {
  return checksum !== undefined || checksumFile !== undefined;
}

/** What the caller says that the file at `path` must hash to. */
export async function expectedByCaller(
  path: string,
  { checksum, checksumFile, url }: Pick<ResolvedSpec, "checksum" | "checksumFile" | "url">,
  { runtime, fetchList }: ChecksumLists,
  signal: AbortSignal,
): Promise<ExpectedChecksum | undefined> {
  if (checksum !== undefined) return { checksum, source: "checksum" };
  if (checksumFile === undefined) return undefined;
  const names = [fileNameFromUrl(url), basename(path)].filter((name) => name !== undefined);
  const found = /^https?:/i.test(checksumFile)
    ? findInList(names, await fetchList(checksumFile), fileNameFromUrl(checksumFile) ?? "")
    : await findInListFile(names, checksumFile, runtime, signal);
  return { checksum: found, source: "checksumFile" };
}

/** What the server says that the complete file hashes to. */
export function expectedByServer({ reader, verdict }: ProbeResult): ExpectedChecksum | undefined {
  const found = publishedDigest(reader.headers, verdict);
  return found && { checksum: found.checksum, source: found.field, host: new URL(reader.target.url).host };
}

/** Throws where the file that came from `url` and goes to `path` has another checksum than the expected one. */
export function requireDigest(
  actual: string,
  { checksum, source, host }: ExpectedChecksum,
  path: string,
  url: string,
): void {
  const expected = formatChecksum(checksum);
  if (actual === expected) return;
  throw new ChecksumMismatchError(expected, actual, {
    ...{ path, url, source },
    ...(host === undefined ? {} : { host }),
  });
}
