import type { RecordedFile } from "../storage/control_record.ts";
import { inspectLeftovers, peekControl } from "../storage/inspection.ts";
import { Output } from "../storage/output.ts";
import type { SessionContext } from "./context.ts";
import { pathWithoutAsking } from "./locate.ts";
import { hashUrl, isOfUrl } from "./resume.ts";

/**
 * Removes the part file and the control file that a download which is over, or never ran, has or found from an earlier
 * run. What belongs to another URL stays, and so does what another download is writing.
 */
export async function discardLeftovers(
  { runtime, spec, status }: Pick<SessionContext, "runtime" | "spec" | "status">,
): Promise<void> {
  const path = status.path ?? await pathWithoutAsking({ runtime, spec });
  if (path === undefined) return;
  // A download that worked on it knows that another query was only another signature.
  const isOurs = (file: RecordedFile) =>
    isOfUrl(file, spec.url) || status.total !== undefined && file.urlHash === hashUrl(spec.url);
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
