import type { ResolvedSpec } from "../options/resolved_options.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { RecordedFile } from "../storage/control_record.ts";
import { inspectLeftovers, peekControl } from "../storage/inspection.ts";
import { Output } from "../storage/output.ts";
import { pathWithoutRequest } from "./locate.ts";
import type { ProgressView } from "./progress.ts";
import { hashUrl, isOfUrl } from "./sources/url_hash.ts";

/**
 * Removes the part file and the control file of a download that has ended or never ran, also those of an earlier
 * run. Files of another URL and files that another download writes stay.
 */
export async function discardLeftovers(
  runtime: Runtime,
  spec: ResolvedSpec,
  progress: Pick<ProgressView, "path" | "total">,
): Promise<void> {
  const path = progress.path ?? await pathWithoutRequest(runtime, spec);
  if (path === undefined) return;
  // A download that fetched this version knows that the other query is only another signature.
  const isOurs = (file: RecordedFile) =>
    isOfUrl(file, spec.url) || progress.total !== undefined && file.urlHash === hashUrl(spec.url);
  // Taking the output would create its directory.
  const peeked = await peekControl(runtime, path);
  if (peeked.kind !== "record" || !isOurs(peeked.record.file)) return;
  const output = await Output.acquire(runtime, path, false);
  try {
    const found = await inspectLeftovers(output);
    if (found.kind === "leftover" && isOurs(found.record.file)) await found.discard();
  } finally {
    await output.release();
  }
}
