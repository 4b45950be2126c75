import type { ResolvedSpec } from "../options/resolved_options.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { RecordedFile } from "../storage/control_record.ts";
import { inspectLeftovers, peekControl } from "../storage/inspection.ts";
import { Output } from "../storage/output.ts";
import { pathWithoutAsking } from "./locate.ts";
import type { ProgressView } from "./progress.ts";
import { hashUrl, isOfUrl } from "./sources/url_hash.ts";

/**
 * Removes the part file and the control file that a download which is over, or never ran, has or found from an earlier
 * run. What belongs to another URL stays, and so does what another download is writing.
 */
export async function discardLeftovers(
  runtime: Runtime,
  spec: ResolvedSpec,
  progress: Pick<ProgressView, "path" | "total">,
): Promise<void> {
  const path = progress.path ?? await pathWithoutAsking(runtime, spec);
  if (path === undefined) return;
  // A download that worked on it knows that another query was only another signature.
  const isOurs = (file: RecordedFile) =>
    isOfUrl(file, spec.url) || progress.total !== undefined && file.urlHash === hashUrl(spec.url);
  // Taking the output would leave directories where there were none.
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
