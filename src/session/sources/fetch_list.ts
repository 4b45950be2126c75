import { DownloadError } from "../../errors.ts";
import { RetryBudget } from "../../flow/backoff.ts";
import { checkResponse } from "../../http/response_check.ts";
import type { ResolvedSpec } from "../../options/resolved_options.ts";
import type { Clock } from "../../runtime/runtime.ts";
import { readList } from "../../verify/checksum_list_file.ts";
import { type RetryTools, withRetries } from "./retry.ts";
import type { Source } from "./source.ts";

/** Fetches a list of checksums. */
export async function fetchList(
  source: Source,
  spec: ResolvedSpec,
  tools: RetryTools,
  signal: AbortSignal,
): Promise<Uint8Array> {
  try {
    const attempt = () => fetchOnce(source, tools.clock, signal);
    return await withRetries(attempt, new RetryBudget(spec, tools.clock), tools, signal);
  } catch (cause) {
    if (!(cause instanceof DownloadError) || cause.code === "checksum_list" || signal.aborted) throw cause;
    const { reason, retryable } = cause;
    // The code of `cause` would be taken for that of the file itself.
    const message = `Cannot fetch the checksum list: ${reason}`;
    throw new DownloadError("checksum_list", message, { cause, reason, retryable });
  }
}

async function fetchOnce(source: Source, clock: Clock, signal: AbortSignal): Promise<Uint8Array> {
  const reader = await source.open({ range: undefined, ifRange: undefined, signal });
  try {
    const expected = { range: undefined, version: undefined, mayBeEmpty: true, wallMs: clock.wallMs() };
    const verdict = checkResponse(reader, expected);
    const list = await readList((block) => reader.read(block, block.bytes.length));
    await reader.finish();
    const size = verdict.kind === "empty" ? 0 : verdict.size ?? list.length;
    if (size === list.length) return list;
    const reason = "it was cut short";
    throw new DownloadError("network", `Cannot fetch the file: ${reason}`, { reason, retryable: true });
  } finally {
    reader.close();
  }
}
