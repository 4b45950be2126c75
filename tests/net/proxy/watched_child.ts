import { readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { Downloader, DownloadError } from "../../../mod.ts";
import { SMALL_FILE } from "../../helpers/small_file.ts";
import type { Way } from "./watched_ways.ts";

// Downloads by every way of a file, one after the other, and prints how each ended. With "direct" the ways that have no
// proxy forbid one.
const [plan = "", dir = "", proxies = ""] = process.argv.slice(2);
const ways: Readonly<Record<string, Way>> = JSON.parse(await readFile(plan, "utf8"));
const ends: Record<string, string> = {};
for (const [name, { url, options, isDead }] of Object.entries(ways)) {
  const isDirect = proxies === "direct" && options.allProxy === undefined;
  await using downloader = new Downloader({ ...options, ...(isDirect && { proxy: false }) });
  const spec = { ...SMALL_FILE, url, outputPath: join(dir, name), maxConnections: 1, maxRetries: 0 };
  ends[name] = await downloader.download({
    ...{ ...spec, pieceSize: 1_048_576, connectTimeoutMs: isDead ? 500 : 10_000 },
    headers: { Authorization: "Basic c2VjcmV0" },
  }).wait().then(
    () => "done",
    (error) => error instanceof DownloadError ? "failed" : `${error}`,
  );
}
process.stdout.write(JSON.stringify(ends));
