// Downloads one file in several ways, and prints how each ended; run by permissions_test.ts.
import { Downloader, type DownloaderOptions, DownloadError } from "../../mod.ts";

const [outputDir = "", ways = "{}"] = Deno.args;
const given: Record<string, { url: string; options: DownloaderOptions }> = JSON.parse(ways);
for (const [name, { url, options }] of Object.entries(given)) {
  await using downloader = new Downloader(options);
  const spec = { url, outputPath: `${outputDir}/${name}`, maxRetries: 0 };
  const error: unknown = await downloader.download(spec).wait().then(() => undefined, (error) => error);
  if (error !== undefined && !(error instanceof DownloadError)) throw error;
  // deno-lint-ignore no-console
  console.log(JSON.stringify([name, error?.message ?? ""]));
}
