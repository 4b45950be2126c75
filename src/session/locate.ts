import { isAbsolute, join } from "node:path";
import { fileNameFromContentDisposition } from "../http/fields/content_disposition.ts";
import type { ResolvedSpec } from "../options/resolved_options.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { peekControl } from "../storage/inspection.ts";
import { chooseFileName, fileNameFromUrl } from "../storage/file_name.ts";
import type { Output } from "../storage/output.ts";
import { refuseDirectory } from "../storage/paths.ts";
import { type ExistingFiles, type RightFile, tidyUp } from "./existing.ts";
import type { ExpectedChecksum } from "./sources/expected_checksum.ts";
import type { FirstResponse } from "./sources/first_response.ts";
import { type OutputTools, requireUnclaimed, takeOutput } from "./take_output.ts";
import { hashUrl } from "./sources/url_hash.ts";

/** Where the file goes, and what is known of it. */
export interface Located {
  readonly output: Output;
  /** The response that told the name, if one had to be asked. */
  readonly first: FirstResponse | undefined;
  /** What the caller says that the file must hash to. */
  readonly expected: ExpectedChecksum | undefined;
  /** The file that is there, if it does. */
  readonly right: RightFile | undefined;
}

/** Finds out where the file goes, and takes that place. `probeForName` gets a response that may tell its name. */
export async function locate(
  existing: ExistingFiles,
  probeForName: () => Promise<FirstResponse>,
  tools: OutputTools,
): Promise<Located> {
  const { runtime, spec } = tools;
  const path = await pathWithoutAsking(runtime, spec);
  if (path !== undefined) return await take(path, undefined, existing, tools);
  const inUrl = join(spec.outputDir, chooseFileName([fileNameFromUrl(spec.url)]));
  if (await existing.isRight(inUrl)) return await take(inUrl, undefined, existing, tools);
  // Whatever its name turns out to be, it is the same twice.
  if (!spec.rename) requireUnclaimed(inUrl, tools.claim, `${spec.outputDir}\0${spec.url}`);
  using first = await probeForName();
  const { contentDisposition } = first.remote;
  const fromServer = contentDisposition && fileNameFromContentDisposition(contentDisposition);
  const name = chooseFileName([fromServer, fileNameFromUrl(spec.url)]);
  return await take(join(spec.outputDir, name), first, existing, tools);
}

async function take(
  path: string,
  first: FirstResponse | undefined,
  existing: ExistingFiles,
  tools: OutputTools,
): Promise<Located> {
  const { output, right } = await takeOutput(path, existing, tools);
  try {
    if (right !== undefined) await tidyUp(output, tools);
    return { output, expected: await existing.expected(path), right, first: first?.take() };
  } catch (error) {
    await output.release().catch((cause) => tools.log("warn", `${cause.message}; remove it`));
    throw error;
  }
}

/** The path that was given, or the one in the URL when an unfinished download of this URL is there. */
export async function pathWithoutAsking(
  runtime: Runtime,
  { outputPath, outputDir, url }: ResolvedSpec,
): Promise<string | undefined> {
  if (outputPath !== undefined) {
    const path = isAbsolute(outputPath) ? outputPath : join(outputDir, outputPath);
    await refuseDirectory(runtime, path);
    return path;
  }
  const path = join(outputDir, chooseFileName([fileNameFromUrl(url)]));
  const loaded = await peekControl(runtime, path);
  return loaded.kind === "record" && loaded.record.file.urlHash === hashUrl(url) ? path : undefined;
}
