// Downloads a file in two runs, the first of which is paused; run by permissions_test.ts.
import { Downloader, DownloadError } from "../mod.ts";

const [url, outputDir, checksum] = Deno.args;
await using downloader = new Downloader();
const spec = { url: url!, outputDir: outputDir!, checksum: checksum!, minSplitSize: 0 };
const first = downloader.download({ ...spec, maxDownloadSpeed: 4_000_000 });
for await (const { downloaded } of first) {
  if (downloaded > 300_000) first.pause();
}
const error = await first.wait().catch((reason) => reason);
if (!(error instanceof DownloadError && error.code === "paused")) throw error;
const result = await downloader.download(spec).wait();
// deno-lint-ignore no-console
console.log(JSON.stringify({ ...result, pausedAt: first.snapshot.downloaded }));
