// Stops downloads at random moments of all sorts: how long that takes, and whether anything goes on afterwards.
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Downloader, type DownloadHandle, type DownloadSpec } from "../../mod.ts";
import { assertFileIs, contentHash } from "../../testing/content.ts";
import { assertClaimsHold } from "../helpers/disk/control_file.ts";
import { FaultServer, type RecordedRequest, type Reply } from "../../testing/mod.ts";
import { temporaryDirectory } from "../helpers/temp.ts";
import { until } from "../helpers/until.ts";
import { Dice } from "./run_dice.ts";
import {
  type Harness,
  type HarnessOptions,
  runHarness,
  runMany,
  type Verdict,
  within,
} from "./run_harness.ts";
import { namesOf } from "./scenario_oracle.ts";
import { percentile, Tally } from "./tally.ts";

const SEED = 5;
const SIZE = 1_500_000;
const CHECKSUM = `sha256:${contentHash(SEED, SIZE, "sha256")}`;
/** Few, because the server and the other downloads take from the same processor. */
const AT_ONCE = 2;
const BOUND_MS = 200;
/** The bound for one in a hundred, which a busy machine may delay. */
const LATE_BOUND_MS = 2000;
const AFTERWARDS_MS = 25;
const ACCEPTED_MS = 20;

/** What a download is doing when it is stopped. */
interface Wait {
  readonly name: string;
  readonly reply: Reply;
  /** What all requests but the first get. */
  readonly later?: Reply;
  readonly spec?: Partial<DownloadSpec>;
  /** Whether another download has the only turn. */
  readonly isQueued?: boolean;
  /** How long it takes to get there. */
  readonly reachedMs?: number;
}

const WAITS: readonly Wait[] = [
  { name: "nothing answers", reply: { never: true } },
  { name: "late head", reply: { delayMs: 5000 } },
  { name: "slow body", reply: { throttle: 2_000_000 } },
  { name: "silent body", reply: { silentAfter: 300_000 } },
  { name: "drip", reply: { dripMs: 5 } },
  { name: "backoff", reply: { refuse: true }, spec: { retryBaseDelayMs: 20_000 } },
  { name: "asked to wait", reply: { status: 503, headers: { "Retry-After": "20" } } },
  {
    name: "asked to wait later",
    reply: { throttle: 300_000 },
    later: { status: 503, headers: { "Retry-After": "20" } },
  },
  {
    // One connection gets all that it asks for, and then heeds what the others were told.
    name: "told by others to wait",
    reply: { throttle: 15_000_000 },
    later: { status: 429, headers: { "Retry-After": "20" } },
    spec: { maxConnections: 4 },
    reachedMs: 120,
  },
  { name: "speed limit", reply: {}, spec: { maxDownloadSpeed: 400_000 } },
  { name: "small memory", reply: { throttle: 3_000_000 }, spec: { memoryBudget: 16_384 } },
  { name: "no length", reply: { status: 200, closeDelimited: true, throttle: 2_000_000 } },
  { name: "full speed", reply: {}, spec: { controlSaveIntervalMs: 1 } },
  { name: "checksum", reply: {}, spec: { checksum: CHECKSUM } },
  { name: "queue", reply: { never: true }, isQueued: true },
];
const MANNERS = ["pause", "cancel", "discard", "signal", "close"] as const;

/** What one stop came to. */
interface Stopped {
  readonly settledMs: number;
  readonly closedMs: number;
}

function stop(
  manner: typeof MANNERS[number],
  handle: DownloadHandle,
  signal: AbortController,
  all: Downloader,
): void {
  if (manner === "pause") handle.pause();
  else if (manner === "cancel") handle.cancel();
  else if (manner === "discard") handle.cancel({ discard: true });
  else if (manner === "signal") signal.abort(new Error("enough"));
  else void all.close();
}

async function looksOf(output: string): Promise<string> {
  const names = await namesOf(output);
  const looks = await Promise.all(names.map(async (name) => {
    const { size, mtimeMs } = await stat(join(output, "..", name));
    return `${name} ${size} ${mtimeMs}`;
  }));
  return looks.join(", ");
}

async function stopOnce(dice: Dice, tally: Tally): Promise<Stopped> {
  await using dir = await temporaryDirectory();
  const { name, reply, later = reply, spec = {}, isQueued = false, reachedMs = 0 } = dice.pick(WAITS);
  const manner = dice.pick(MANNERS);
  // No connection outlives its request, so one that is open belongs to a request that goes on.
  let isHonest = false;
  const respond = ({ index }: RecordedRequest): Reply => {
    const now = isHonest ? {} : index === 0 ? reply : later;
    return { ...now, headers: { ...now.headers, Connection: "close" } };
  };
  await using server = await FaultServer.start({ size: SIZE, seed: SEED, respond });
  await using downloader = new Downloader({ maxConcurrentDownloads: isQueued ? 1 : 4 });
  const controller = new AbortController();
  const outputPath = dir.join("out.bin");
  const begin = (path: string, also: Partial<DownloadSpec>) =>
    downloader.download({
      ...{ url: server.url, outputPath: path, pieceSize: 16_384, minSplitSize: 0, minSegmentSize: 16_384 },
      ...also,
    });
  const ahead = isQueued ? begin(dir.join("ahead.bin"), {}) : undefined;
  const handle = begin(outputPath, {
    maxConnections: dice.between(1, 6),
    signal: controller.signal,
    ...spec,
  });
  await sleep(reachedMs + dice.below(dice.pick([1, 20, 120])));
  const where = `${manner} in "${name}"`;

  const startedMs = performance.now();
  stop(manner, handle, controller, downloader);
  await within(handle.wait().then(() => {}, () => {}), 10_000, `to settle after ${where}`);
  const settledMs = performance.now() - startedMs;
  await within(handle.closed, 10_000, `to close after ${where}`);
  const closedMs = performance.now() - startedMs;
  const { state } = handle.snapshot;
  tally.add(state);

  ahead?.cancel();
  await ahead?.closed;
  // A connection that was made before the stop may not have been accepted yet.
  for (let look = 0; look < 2; look++) {
    await sleep(ACCEPTED_MS);
    await until(() => server.openConnections === 0).catch(() => {
      throw new Error(`${server.openConnections} connections are open after ${where}`);
    });
  }
  const [requests, looks] = [server.requests.length, await looksOf(outputPath)];
  await sleep(AFTERWARDS_MS);
  if (server.requests.length !== requests) throw new Error(`requests were sent after ${where}`);
  const looksNow = await looksOf(outputPath);
  if (looksNow !== looks) throw new Error(`files changed after ${where}: ${looks}; then ${looksNow}`);

  const names = await namesOf(outputPath);
  if (state === "completed") {
    await assertFileIs(outputPath, SEED, SIZE);
    if (names.length !== 1) throw new Error(`${names.join(", ")} are left after success`);
    return { settledMs, closedMs };
  }
  if (!["paused", "cancelled"].includes(state)) throw new Error(`${where} came to "${state}"`);
  const left = names.join();
  if (left !== "" && left !== "out.bin.bytehaul,out.bin.part") throw new Error(`${where} left ${left}`);
  if (manner === "discard" && left !== "") throw new Error(`${where} left ${left}`);
  const claimed = await assertClaimsHold(outputPath, SEED);
  if (handle.snapshot.downloaded !== claimed) {
    throw new Error(`${where}: ${handle.snapshot.downloaded} bytes were shown, ${claimed} are saved`);
  }
  if (claimed > 0) tally.add("with progress");
  if (dice.chance(0.3)) {
    isHonest = true;
    await using again = new Downloader();
    await again.download({ url: server.url, outputPath }).wait();
    await assertFileIs(outputPath, SEED, SIZE);
  }
  return { settledMs, closedMs };
}

/** `rel:cancel`: the time from an order to stop until all is quiet. */
export const cancel: Harness = {
  name: "rel:cancel",
  n: 120,
  async run(options: HarnessOptions): Promise<Verdict> {
    const all: Stopped[] = [];
    const tally = new Tally();
    const failures = await runMany(options, AT_ONCE, async (index) => {
      all.push(await stopOnce(new Dice(options.seed, index), tally));
    });
    const [settled, closed] = [all.map((one) => one.settledMs), all.map((one) => one.closedMs)];
    const times = (values: readonly number[]) =>
      [0.5, 0.99, 1].map((part) => percentile(values, part).toFixed(1)).join("/");
    const [p50, p99] = [percentile(settled, 0.5), percentile(settled, 0.99)];
    if (p50 > BOUND_MS) failures.push(`80: half of them took ${p50.toFixed(0)} ms to settle`);
    if (p99 > LATE_BOUND_MS) failures.push(`80: one in a hundred took ${p99.toFixed(0)} ms to settle`);
    return {
      figures: `settled p50/p99/max ${times(settled)} ms, files closed ${times(closed)} ms; ${tally.show()}`,
      failures,
    };
  },
};

if (import.meta.main) await runHarness(cancel);
