// Runs many downloads that end in all sorts of ways, and prints what they left; run by soak.ts.
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { get } from "node:http";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { Downloader, type DownloadHandle, type DownloadSpec } from "../../mod.ts";
import { Dice } from "./run_dice.ts";
import { Census, type Memory, memoryInUse, openDescriptors } from "./soak_census.ts";
import { SMALL_FILE } from "../helpers/small_file.ts";

/** What soak.ts wants to know. */
export interface SoakReport {
  readonly states: Readonly<Record<string, number>>;
  readonly descriptors: { readonly before: readonly string[]; readonly after: readonly string[] } | undefined;
  readonly memory: { readonly before: Memory; readonly after: Memory };
  readonly workers: { readonly started: number; readonly ended: number };
  readonly timers: number;
}

/** What the parent tells its child. */
export interface SoakOrders {
  readonly origin: string;
  /** The same server over TLS, and the certificate to trust. */
  readonly secure: { readonly origin: string; readonly caCert: string } | undefined;
  readonly directory: string;
  readonly checksum: string;
  readonly seed: number;
  readonly n: number;
}

interface Kind {
  readonly path: string;
  readonly spec?: Partial<DownloadSpec>;
  /** Done to it after a moment. */
  readonly stop?: (handle: DownloadHandle, controller: AbortController) => void;
  readonly isResumed?: boolean;
  readonly isSecure?: boolean;
}

const WARM_UP = 40;
const AT_ONCE = 4;
const QUIET_WITHIN_MS = 3000;

const { origin, secure, directory, checksum, seed, n } = JSON.parse(process.argv[2] ?? "") as SoakOrders;
const census = new Census();
const dice = new Dice(seed);
const wrongChecksum = checksum.replace(/.$/, (digit) => digit === "0" ? "1" : "0");

const KINDS: readonly Kind[] = [
  { path: "fine" },
  { path: "fine", spec: { checksum } },
  { path: "fine", spec: { checksum: wrongChecksum, discardMismatch: true } },
  { path: "fine", spec: { maxDownloadSpeed: 3_000_000 } },
  { path: "fine", isSecure: true },
  { path: "slow", isSecure: true, stop: (handle) => handle.pause(), isResumed: true },
  { path: "without-ranges" },
  { path: "breaks" },
  { path: "breaks-always", spec: { maxRetries: 1 } },
  { path: "missing" },
  { path: "lies" },
  { path: "changes", spec: { maxConnections: 4 } },
  { path: "silent", spec: { readTimeoutMs: 20, maxRetries: 1 } },
  { path: "never", spec: { connectTimeoutMs: 20, maxRetries: 1 } },
  { path: "slow", stop: (handle) => handle.pause(), isResumed: true },
  { path: "slow", spec: { checksum }, stop: (handle) => handle.cancel(), isResumed: true },
  { path: "slow", stop: (handle) => handle.cancel({ discard: true }) },
  { path: "slow", spec: { maxDownloadSpeed: 1000, checksum }, stop: (_, controller) => controller.abort() },
  { path: "never", stop: (handle) => handle.pause() },
  { path: "silent", spec: { checksum }, stop: (handle) => handle.cancel() },
  { path: "unavailable", stop: (handle) => handle.pause() },
  { path: "taken" },
];

// It stays open to the end: closing it would close what a request left open.
const downloader = new Downloader({
  maxConcurrentDownloads: AT_ONCE,
  ...(secure === undefined ? {} : { tls: { ca: await readFile(secure.caCert, "utf8") } }),
});
const states: Record<string, number> = {};

async function settle(handle: DownloadHandle): Promise<void> {
  await handle.closed;
  states[handle.snapshot.state] = (states[handle.snapshot.state] ?? 0) + 1;
}

async function run(name: string, { path, spec, stop, isResumed, isSecure }: Kind): Promise<void> {
  const controller = new AbortController();
  const outputPath = join(directory, `${name}.bin`);
  if (path === "taken") await writeFile(outputPath, "mine");
  const whole: DownloadSpec = {
    url: `${isSecure ? secure?.origin ?? origin : origin}/${path}/${name}`,
    outputPath,
    ...SMALL_FILE,
    signal: controller.signal,
    maxConnections: dice.pick([1, 4]),
    fileAllocation: dice.pick(["none", "prealloc"] as const),
    pieceSize: 16_384,
    controlSaveIntervalMs: 10,
    ...spec,
  };
  const handle = downloader.download(whole);
  if (stop !== undefined) {
    await sleep(dice.below(60));
    stop(handle, controller);
  }
  await settle(handle);
  if (isResumed) await settle(downloader.download({ ...whole, url: `${whole.url}?again` }));
}

async function runMany(label: string, count: number): Promise<void> {
  const indexes = Array.from({ length: count }, (_, index) => index).values();
  const lane = async () => {
    for (const index of indexes) await run(`${label}-${index}`, KINDS[index] ?? dice.pick(KINDS));
  };
  // One more than may run, so that one waits for its turn.
  await Promise.all(Array.from({ length: AT_ONCE + 1 }, lane));
}

await runMany("warm-up", WARM_UP);
const before = openDescriptors();
const memoryBefore = memoryInUse();
for (const state of Object.keys(states)) delete states[state];
await runMany("round", n);
let after = openDescriptors();
for (const startedMs = performance.now(); performance.now() - startedMs < QUIET_WITHIN_MS;) {
  if ((after === undefined || after.length <= before!.length) && census.timers === 0) break;
  await sleep(10);
  after = openDescriptors();
}
// Not fetch(), whose timer outlives the request on Node.
const [counted] = await once(get(`${origin}/census`, { agent: false }), "response");
await once(counted.resume(), "end");
const memoryAfter = memoryInUse();
await downloader.close();
const report: SoakReport = {
  states,
  descriptors: before === undefined || after === undefined ? undefined : { before, after },
  memory: { before: memoryBefore, after: memoryAfter },
  workers: census.workers,
  timers: census.timers,
};
process.stdout.write(JSON.stringify(report));
