// Runs many downloads that end in all sorts of ways, and prints what they left; run by leaks_test.ts.
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { Downloader, type DownloadHandle, type DownloadSpec } from "../mod.ts";
import { seededRandom } from "./helpers/content.ts";

/** What leaks_test.ts wants to know. */
export interface Report {
  readonly states: Readonly<Record<string, number>>;
  /** What was open before and after; undefined where the system does not tell. */
  readonly descriptors: { readonly before: readonly string[]; readonly after: readonly string[] } | undefined;
  readonly workers: { readonly started: number; readonly ended: number };
  readonly objectUrls: { readonly created: number; readonly revoked: number };
}

const WARM_UP = 12;
const ROUNDS = 60;
const AT_ONCE = 4;
const DESCRIPTORS_CLOSE_WITHIN_MS = 2000;

const [origin = "", directory = "", checksum = "", seed = ""] = process.argv.slice(2);
const random = seededRandom(Number(seed));
const pick = <T>(choices: readonly T[]): T => choices[Math.floor(random() * choices.length)]!;

const workers = { started: 0, ended: 0 };
const RealWorker = Worker;
globalThis.Worker = class extends RealWorker {
  #isOver = false;

  constructor(url: string | URL, options?: WorkerOptions) {
    super(url, options);
    workers.started++;
  }

  override terminate(): void {
    if (!this.#isOver) workers.ended++;
    this.#isOver = true;
    super.terminate();
  }
};

const objectUrls = new Set<string>();
let createdUrls = 0;
const { createObjectURL, revokeObjectURL } = URL;
URL.createObjectURL = (object: Blob): string => {
  const url = createObjectURL(object);
  createdUrls++;
  objectUrls.add(url);
  return url;
};
URL.revokeObjectURL = (url: string): void => {
  objectUrls.delete(url);
  revokeObjectURL(url);
};

interface Kind {
  readonly path: string;
  readonly spec?: Partial<DownloadSpec>;
  /** Done to it after a moment. */
  readonly stop?: (handle: DownloadHandle, controller: AbortController) => void;
}

const KINDS: readonly Kind[] = [
  { path: "fine" },
  { path: "fine", spec: { checksum } },
  { path: "fine", spec: { checksum: checksum.replace(/.$/, (digit) => digit === "0" ? "1" : "0") } },
  { path: "fine", spec: { maxDownloadSpeed: 3_000_000 } },
  { path: "without-ranges" },
  { path: "breaks" },
  { path: "breaks-always", spec: { maxRetries: 1 } },
  { path: "missing" },
  { path: "lies" },
  { path: "silent", spec: { readTimeoutMs: 20, maxRetries: 1 } },
  { path: "never", spec: { connectTimeoutMs: 20, maxRetries: 1 } },
  { path: "slow", stop: (handle) => handle.pause() },
  { path: "slow", spec: { checksum }, stop: (handle) => handle.cancel() },
  { path: "slow", stop: (handle) => handle.cancel({ discard: true }) },
  { path: "slow", spec: { maxDownloadSpeed: 1000, checksum }, stop: (_, controller) => controller.abort() },
  { path: "never", stop: (handle) => handle.pause() },
  { path: "silent", spec: { checksum }, stop: (handle) => handle.cancel() },
  { path: "unavailable", stop: (handle) => handle.pause() },
  { path: "taken" },
];

// It stays open to the end: closing it would close what a request left open.
const downloader = new Downloader({ maxConcurrentDownloads: AT_ONCE });
const states: Record<string, number> = {};

async function run(name: string, { path, spec, stop }: Kind): Promise<void> {
  const controller = new AbortController();
  const outputPath = join(directory, `${name}.bin`);
  if (path === "taken") await writeFile(outputPath, "mine");
  const handle = downloader.download({
    url: `${origin}/${path}/${name}`,
    outputPath,
    signal: controller.signal,
    maxConnections: pick([1, 4]),
    fileAllocation: pick(["none", "prealloc"]),
    pieceSize: 16_384,
    minSplitSize: 0,
    minSegmentSize: 16_384,
    retryBaseDelayMs: 1,
    controlSaveIntervalMs: 10,
    ...spec,
  });
  if (stop !== undefined) {
    await sleep(random() * 60);
    stop(handle, controller);
  }
  await handle.closed;
  states[handle.snapshot.state] = (states[handle.snapshot.state] ?? 0) + 1;
}

async function runMany(label: string, kinds: readonly Kind[]): Promise<void> {
  await Promise.all(kinds.map((kind, index) => run(`${label}-${index}`, kind)));
}

/** The numbers of this machine's TCP sockets; the runtime itself opens others when it likes. */
function tcpSockets(): Set<string> {
  const lines = ["tcp", "tcp6"].flatMap((table) =>
    readFileSync(`/proc/self/net/${table}`, "utf8").split("\n")
  );
  return new Set(lines.map((line) => line.trim().split(/\s+/)[9] ?? ""));
}

/** What is open, but for the directory that is read here. */
function openDescriptors(): string[] | undefined {
  if (process.platform !== "linux") return undefined;
  const isTcp = tcpSockets();
  const targets = readdirSync("/proc/self/fd").map((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`);
    } catch {
      return ""; // it was the one for reading the directory
    }
  });
  return targets
    .filter((target) => target !== "" && !target.startsWith("/proc/"))
    .filter((target) => !target.startsWith("socket:") || isTcp.has(/\d+/.exec(target)?.[0] ?? ""))
    .map((target) => target.replace(/\d+/g, ""))
    .sort();
}

await runMany("warm-up", KINDS.slice(0, WARM_UP));
const before = openDescriptors();
for (const state of Object.keys(states)) delete states[state];
await runMany("round", Array.from({ length: ROUNDS }, (_, index) => KINDS[index] ?? pick(KINDS)));
let after = openDescriptors();
for (const startedMs = performance.now(); performance.now() - startedMs < DESCRIPTORS_CLOSE_WITHIN_MS;) {
  if (after === undefined || after.length <= before!.length) break;
  await sleep(10);
  after = openDescriptors();
}
await fetch(`${origin}/census`).then((response) => response.body?.cancel());
await downloader.close();
const report: Report = {
  states,
  descriptors: before === undefined || after === undefined ? undefined : { before, after },
  workers,
  objectUrls: { created: createdUrls, revoked: createdUrls - objectUrls.size },
};
process.stdout.write(JSON.stringify(report));
