import { isAbsolute, join } from "node:path";
import { fileNameFromContentDisposition } from "../http/fields/content_disposition.ts";
import type { ResolvedSpec } from "../options/resolved_options.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { peekControl } from "../storage/inspection.ts";
import { chooseFileName, fileNameFromUrl } from "../storage/file_name.ts";
import type { Output } from "../storage/output.ts";
import { refuseDirectory } from "../storage/paths.ts";
import { type ExistingFiles, type MatchingFile, tidyUp } from "./existing.ts";
import type { ExpectedChecksum } from "./sources/expected_checksum.ts";
import type { FirstResponse } from "./sources/first_response.ts";
import { type OutputTools, requireUnclaimed, takeOutput } from "./take_output.ts";
import { hashUrl } from "./sources/url_hash.ts";

/** The output of a download, and what is known about the file. */
export interface Located {
  readonly output: Output;
  /** The response that the name was taken from, if a request was needed. */
  readonly first: FirstResponse | undefined;
  /** The caller's checksum for the file. */
  readonly expected: ExpectedChecksum | undefined;
  /** The existing file, if it has that checksum. */
  readonly right: MatchingFile | undefined;
}

/** Determines the path of the file and takes the output. `probeForName` gets a response that may name the file. */
export async function locate(
  existing: ExistingFiles,
  probeForName: () => Promise<FirstResponse>,
  tools: OutputTools,
): Promise<Located> {
  const { runtime, spec } = tools;
  const path = await pathWithoutRequest(runtime, spec);
  if (path !== undefined) return await take(path, undefined, existing, tools);
  const inUrl = join(spec.outputDir, chooseFileName([fileNameFromUrl(spec.url)]));
  if (await existing.isRight(inUrl)) return await take(inUrl, undefined, existing, tools);
  // Two downloads of one URL into one directory get the same name, whatever it is.
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

/** The given path, or the path by the name in the URL if it has an unfinished download of this URL. */
export async function pathWithoutRequest(
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
