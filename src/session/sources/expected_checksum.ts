import { basename } from "node:path";
import type { Checksum } from "../../options/checksum.ts";
import { DownloadError } from "../../errors.ts";
import { RetryBudget } from "../../flow/backoff.ts";
import { type PublishedDigest, publishedDigest } from "../../http/fields/published_digest.ts";
import type { ProbeResult } from "../../http/probe.ts";
import { checkResponse } from "../../http/response_check.ts";
import { findInChecksumList } from "../../integrity/checksum_list.ts";
import type { ResolvedSpec } from "../../options/resolved_options.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { fileNameFromUrl } from "../../storage/file_name.ts";
import { storageError } from "../../storage/storage_error.ts";
import type { ChecksumSource } from "../../types.ts";
import type { SessionContext } from "../context.ts";
import { withRetries } from "./retry.ts";

/** What the file must hash to, and who says so. */
export interface ExpectedChecksum {
  readonly checksum: Checksum;
  readonly source: ChecksumSource;
  /** Whose it is when a server published it beside the file: name or address, and port. */
  readonly host?: string;
}

const MAX_LIST_BYTES = 16 * 1024 * 1024;
const BLOCK_BYTES = 64 * 1024;

/** What the caller says that the file at `path` must hash to. */
export async function expectedByCaller(
  context: SessionContext,
  path: string,
  signal: AbortSignal,
): Promise<ExpectedChecksum | undefined> {
  const { checksumFile, url } = context.spec;
  if (context.spec.checksum !== undefined) return { checksum: context.spec.checksum, source: "checksum" };
  if (checksumFile === undefined) return undefined;
  const names = [fileNameFromUrl(url), basename(path)].filter((name) => name !== undefined);
  const checksum = /^https?:/i.test(checksumFile)
    ? findIn(await fetchList(context, checksumFile, signal), fileNameFromUrl(checksumFile) ?? "", names)
    : await findInListFile(context.runtime, checksumFile, names, signal);
  return { checksum, source: "checksumFile" };
}

/** The checksum that the list at `listPath` has for a file, by the first of its names that it knows. */
export async function findInListFile(
  runtime: Runtime,
  listPath: string,
  names: readonly string[],
  signal: AbortSignal,
): Promise<Checksum> {
  return findIn(await readList(runtime, listPath, signal), basename(listPath), names);
}

function findIn(list: Uint8Array, listName: string, names: readonly string[]): Checksum {
  const text = new TextDecoder().decode(list);
  for (const name of names) {
    const found = findInChecksumList(text, name, listName);
    if (found !== undefined) return found;
  }
  const wanted = [...new Set(names)].map((name) => `"${name}"`).join(" or ");
  throw unusable(`"${listName}" has no line for ${wanted}`);
}

/** What the server says that the whole file hashes to, unless the caller does not want to know. */
export function expectedByServer(
  { reader, verdict }: ProbeResult,
  { publishedDigest: isUsed }: ResolvedSpec,
): ExpectedChecksum | undefined {
  const found: PublishedDigest | undefined = isUsed ? publishedDigest(reader.headers, verdict) : undefined;
  return found && { checksum: found.checksum, source: found.field, host: new URL(reader.target.url).host };
}

async function fetchList(context: SessionContext, url: string, signal: AbortSignal): Promise<Uint8Array> {
  const { runtime: { clock }, spec } = context;
  const source = context.sourceOf(url);
  try {
    return await withRetries(context, new RetryBudget(spec, clock), signal, async () => {
      const reader = await source.open({ range: undefined, ifRange: undefined, signal });
      try {
        const expected = { range: undefined, version: undefined, mayBeEmpty: true, wallMs: clock.wallMs() };
        const verdict = checkResponse(reader, expected);
        const list = await readAll((block) => reader.read(block, block.bytes.length));
        await reader.finish();
        const size = verdict.kind === "empty" ? 0 : verdict.size ?? list.length;
        if (size === list.length) return list;
        throw new DownloadError("network", "Cannot fetch the file: it was cut short", { retryable: true });
      } finally {
        reader.close();
      }
    });
  } catch (cause) {
    if (!(cause instanceof DownloadError) || cause.code === "checksum_list" || signal.aborted) throw cause;
    // The code of `cause` would be taken for that of the file itself.
    const reason = cause.message.replace(/^Cannot fetch the file: /, "");
    throw new DownloadError("checksum_list", `Cannot fetch the checksum list: ${reason}`, {
      cause,
      retryable: cause.retryable,
    });
  }
}

async function readList(runtime: Runtime, path: string, signal: AbortSignal): Promise<Uint8Array> {
  try {
    const file = await runtime.files.open(path, "read");
    try {
      let position = 0;
      return await readAll(async ({ bytes }) => {
        signal.throwIfAborted();
        const length = await file.read(bytes, position);
        position += length;
        return length;
      });
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof DownloadError || signal.aborted) throw cause;
    throw storageError("read", path, cause);
  }
}

async function readAll(
  read: (block: { bytes: Uint8Array<ArrayBuffer> }) => Promise<number>,
): Promise<Uint8Array> {
  const block = { bytes: new Uint8Array(BLOCK_BYTES) };
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for (let total = 0;;) {
    const length = await read(block);
    if (length === 0) return await new Blob(parts).bytes();
    total += length;
    if (total > MAX_LIST_BYTES) throw unusable(`it is larger than ${MAX_LIST_BYTES} bytes`);
    parts.push(block.bytes.slice(0, length));
  }
}

function unusable(reason: string): DownloadError {
  return new DownloadError("checksum_list", `Cannot use the checksum list: ${reason}`);
}
