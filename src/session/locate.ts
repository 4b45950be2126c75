import { isAbsolute, join } from "node:path";
import { fileNameFromContentDisposition } from "../http/content_disposition.ts";
import type { ProbeResult } from "../http/probe.ts";
import { OutputNames } from "../output_names.ts";
import { ControlStore } from "../storage/control_store.ts";
import { chooseFileName, fileNameFromUrl } from "../storage/file_name.ts";
import { Output } from "../storage/output.ts";
import { refuseDirectory } from "../storage/paths.ts";
import type { SessionContext } from "./context.ts";
import { probeForName } from "./first_response.ts";
import { hashUrl } from "./resume.ts";

/** Where the file goes, and the response that told its name, if one had to be asked. */
export interface Located {
  readonly output: Output;
  readonly first: ProbeResult | undefined;
}

/** Finds out where the file goes, and takes that place. */
export async function locate(context: SessionContext, signal: AbortSignal): Promise<Located> {
  const path = await pathWithoutAsking(context);
  if (path !== undefined) return { output: await acquire(context, path), first: undefined };
  const first = await probeForName(context, signal);
  try {
    const { contentDisposition } = first.remote;
    const fromServer = contentDisposition && fileNameFromContentDisposition(contentDisposition);
    const name = chooseFileName([fromServer, fileNameFromUrl(context.spec.url)]);
    return { output: await acquire(context, join(context.spec.outputDir, name)), first };
  } catch (error) {
    first.reader.close();
    throw error;
  }
}

/** The path that was given, or the one in the URL when an unfinished download of this URL is there. */
async function pathWithoutAsking({ runtime, spec }: SessionContext): Promise<string | undefined> {
  const { outputPath, outputDir, url } = spec;
  if (outputPath !== undefined) {
    const path = isAbsolute(outputPath) ? outputPath : join(outputDir, outputPath);
    await refuseDirectory(runtime, path);
    return path;
  }
  const path = join(outputDir, chooseFileName([fileNameFromUrl(url)]));
  const control = new ControlStore(runtime, new OutputNames(path));
  const loaded = await control.load();
  return loaded.kind === "record" && loaded.record.urlHash === hashUrl(url) ? path : undefined;
}

async function acquire({ runtime, spec, status, log }: SessionContext, path: string): Promise<Output> {
  const output = await Output.acquire(runtime, path, spec.overwrite);
  if (output.isWeaklyLocked) {
    log("warn", `the file system of "${path}" has no locks; its lock holds for this machine alone`);
  }
  status.path = path;
  return output;
}
