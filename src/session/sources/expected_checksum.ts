import { basename } from "node:path";
import { ChecksumMismatchError } from "../../errors.ts";
import { publishedDigest } from "../../http/fields/published_digest.ts";
import type { ProbeResult } from "../../http/probe.ts";
import { type Checksum, formatChecksum } from "../../options/checksum.ts";
import type { ResolvedSpec } from "../../options/resolved_options.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { fileNameFromUrl } from "../../storage/file_name.ts";
import type { ChecksumSource } from "../../types.ts";

/** The checksum that the file must have, and where it comes from. */
export interface ExpectedChecksum {
  readonly checksum: Checksum;
  readonly source: ChecksumSource;
  /** The server that published the checksum with the file: name or address, and port. */
  readonly host?: string;
}

/** Reads and fetches the checksum lists for `expectedByCaller`. */
export interface ChecksumLists {
  readonly runtime: Runtime;
  readonly fetchList: (url: string) => Promise<Uint8Array>;
}

/** Whether the caller gave a checksum. It then decides which bytes are right. */
export function isJudgedByChecksum(
  { checksum, checksumFile }: Pick<ResolvedSpec, "checksum" | "checksumFile">,
): boolean {
  return checksum !== undefined || checksumFile !== undefined;
}

/** The caller's checksum for the file at `path`. */
export async function expectedByCaller(
  path: string,
  { checksum, checksumFile, url }: Pick<ResolvedSpec, "checksum" | "checksumFile" | "url">,
  { runtime, fetchList }: ChecksumLists,
  signal: AbortSignal,
): Promise<ExpectedChecksum | undefined> {
  if (checksum !== undefined) return { checksum, source: "checksum" };
  if (checksumFile === undefined) return undefined;
  // Loaded here, because few downloads have a list.
  const { findInList, findInListFile } = await import("../../verify/checksum_list_file.ts");
  const names = [fileNameFromUrl(url), basename(path)].filter((name) => name !== undefined);
  const found = /^https?:/i.test(checksumFile)
    ? findInList(names, await fetchList(checksumFile), fileNameFromUrl(checksumFile) ?? "")
    : await findInListFile(names, checksumFile, runtime, signal);
  return { checksum: found, source: "checksumFile" };
}

/** The checksum of the complete file that the server published. */
export function expectedByServer({ reader, verdict }: ProbeResult): ExpectedChecksum | undefined {
  const found = publishedDigest(reader.headers, verdict);
  return found && { checksum: found.checksum, source: found.field, host: new URL(reader.target.url).host };
}

/** Throws where the file from `url` for `path` has another checksum than the expected one. */
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
