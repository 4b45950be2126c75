import { join } from "node:path";
import process from "node:process";
import type { DownloaderOptions } from "../../../mod.ts";

// Downloads with another global fetch, set before or after bytehaul is loaded, and with clocks that stand still from then
// on. Prints how many calls the replacements had.
const [when = "", url = "", dir = ""] = process.argv.slice(2);
const { fetch, setTimeout, Date } = globalThis;
const now = performance.now.bind(performance);
const calls = { fetch: 0, timers: 0 };

type Fetch = (input: RequestInfo | URL, init?: RequestInit) => Promise<Response>;
const FETCHES: Readonly<Record<string, Fetch>> = {
  "passes everything on": (input, init) => fetch(input, init),
  "makes a Request first": (input, init) => fetch(new Request(input, init)),
  "throws": () => {
    throw new Error("no network in tests");
  },
};
const WAYS: Readonly<Record<string, DownloaderOptions>> = {
  "directly": {},
  "over connections of our own": { enableIpv6: false },
};
let replaced = FETCHES["passes everything on"]!;

function replaceFetch(): void {
  const counted: Fetch = (input, init) => {
    calls.fetch++;
    return replaced(input, init);
  };
  globalThis.fetch = Object.assign(counted, fetch);
}

function replaceClocks(): void {
  // A timer that never fires.
  const never = (_: unknown, ms?: number) => {
    calls.timers++;
    const timer = setTimeout(() => {}, ms);
    clearTimeout(timer);
    return timer;
  };
  globalThis.setTimeout = Object.assign(never, setTimeout);
  performance.now = () => 0;
  globalThis.Date = class extends Date {
    static override now = () => 0;
  } as DateConstructor;
}

if (when === "before") replaceFetch();
const { Downloader } = await import("../../../mod.ts");
if (when === "after") replaceFetch();
replaceClocks();
let files = 0;
for (const [name, way] of Object.entries(WAYS)) {
  for (const [what, like] of Object.entries(FETCHES)) {
    replaced = like;
    const startedMs = now();
    await using downloader = new Downloader(way);
    const spec = { url, outputPath: join(dir, `${++files}`), retryBaseDelayMs: 10 };
    await downloader.download(spec).wait();
    if (now() - startedMs > 10_000) throw new Error(`${name}, a fetch that ${what}: too slow`);
  }
}
process.stdout.write(JSON.stringify({ ...calls, files }));
