import { isAbsolute, join } from "node:path";
import { fileNameFromContentDisposition } from "../http/fields/content_disposition.ts";
import type { ProbeResult } from "../http/probe.ts";
import { peekControl } from "../storage/inspection.ts";
import { chooseFileName, fileNameFromUrl } from "../storage/file_name.ts";
import type { Output } from "../storage/output.ts";
import { refuseDirectory } from "../storage/paths.ts";
import type { SessionContext } from "./context.ts";
import { ExistingFiles, type RightFile, tidyUp } from "./existing.ts";
import type { ExpectedChecksum } from "./sources/expected_checksum.ts";
import { probeForName } from "./sources/first_response.ts";
import { hashUrl } from "./resume.ts";
import { requireUnclaimed, takeOutput } from "./take_output.ts";

/** Where the file goes, and what is known of it. */
export interface Located {
  readonly output: Output;
  /** The response that told the name, if one had to be asked. */
  readonly first: ProbeResult | undefined;
  /** What the caller says that the file must hash to. */
  readonly expected: ExpectedChecksum | undefined;
  /** The file that is there, if it does. */
  readonly right: RightFile | undefined;
}

/** Finds out where the file goes, and takes that place. */
export async function locate(context: SessionContext, signal: AbortSignal): Promise<Located> {
  const existing = new ExistingFiles(context, signal);
  const { spec } = context;
  const path = await pathWithoutAsking(context);
  if (path !== undefined) return await take(context, path, undefined, existing);
  const inUrl = join(spec.outputDir, chooseFileName([fileNameFromUrl(spec.url)]));
  if (await existing.isRight(inUrl)) return await take(context, inUrl, undefined, existing);
  // Whatever its name turns out to be, it is the same twice.
  if (!spec.rename) requireUnclaimed(context, inUrl, `${spec.outputDir}\0${spec.url}`);
  const first = await probeForName(context, signal);
  try {
    const { contentDisposition } = first.remote;
    const fromServer = contentDisposition && fileNameFromContentDisposition(contentDisposition);
    const name = chooseFileName([fromServer, fileNameFromUrl(spec.url)]);
    return await take(context, join(spec.outputDir, name), first, existing);
  } catch (error) {
    first.reader.close();
    throw error;
  }
}

async function take(
  context: SessionContext,
  path: string,
  first: ProbeResult | undefined,
  existing: ExistingFiles,
): Promise<Located> {
  const { output, right } = await takeOutput(context, path, existing);
  try {
    if (right !== undefined) await tidyUp(context, output);
    return { output, first, expected: await existing.expected(path), right };
  } catch (error) {
    await output.release().catch((cause) => context.log("warn", `${cause.message}; remove it`));
    throw error;
  }
}

/** The path that was given, or the one in the URL when an unfinished download of this URL is there. */
export async function pathWithoutAsking(
  { runtime, spec }: Pick<SessionContext, "runtime" | "spec">,
): Promise<string | undefined> {
  const { outputPath, outputDir, url } = spec;
  if (outputPath !== undefined) {
    const path = isAbsolute(outputPath) ? outputPath : join(outputDir, outputPath);
    await refuseDirectory(runtime, path);
    return path;
  }
  const path = join(outputDir, chooseFileName([fileNameFromUrl(url)]));
  const loaded = await peekControl(runtime, path);
  return loaded.kind === "record" && loaded.record.file.urlHash === hashUrl(url) ? path : undefined;
}
