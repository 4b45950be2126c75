import { join } from "node:path";
import process from "node:process";
import type { DownloaderOptions } from "../../../mod.ts";

// Downloads while the global fetch is another one, set before or after bytehaul is loaded. Prints how often it was called.
const [when = "", url = "", dir = ""] = process.argv.slice(2);
const { fetch } = globalThis;

type Fetch = (input: RequestInfo | URL, init?: RequestInit) => Promise<Response>;
const FETCHES: readonly Fetch[] = [
  (input, init) => fetch(input, init),
  (input, init) => fetch(new Request(input, init)),
  () => {
    throw new Error("no network in tests");
  },
];
const WAYS: readonly DownloaderOptions[] = [{}, { enableIpv6: false }];

let calls = 0;
let current = FETCHES[0]!;
const replaced: Fetch = (input, init) => {
  calls++;
  return current(input, init);
};
const replace = () => globalThis.fetch = Object.assign(replaced, fetch);

if (when === "before") replace();
const { Downloader } = await import("../../../mod.ts");
if (when === "after") replace();
let files = 0;
for (const way of WAYS) {
  for (current of FETCHES) {
    await using downloader = new Downloader(way);
    await downloader.download({ url, outputPath: join(dir, `${++files}`) }).wait();
  }
}
process.stdout.write(JSON.stringify({ calls, files }));
