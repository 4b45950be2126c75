import { OutputNames } from "../lib/output_names.ts";
import type { ResolvedSpec } from "../options/resolved_options.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { ControlStore, type LoadedControl } from "../storage/control_store.ts";
import { Output } from "../storage/output.ts";
import { pathWithoutAsking } from "./locate.ts";
import type { ProgressView } from "./progress.ts";
import { belongsTo, hashUrl } from "./sources/url_hash.ts";

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
  // One that worked on it knows that another query was but another signature.
  const isOurs = (loaded: LoadedControl) =>
    belongsTo(loaded, spec.url) ||
    progress.total !== undefined && loaded.kind === "record" && loaded.record.urlHash === hashUrl(spec.url);
  // Taking the output would leave directories where there were none.
  if (!isOurs(await new ControlStore(runtime, new OutputNames(path)).load())) return;
  const output = await Output.acquire(runtime, path, false);
  try {
    if (isOurs(await output.loadControl())) await output.discard();
  } finally {
    await output.release();
  }
}
