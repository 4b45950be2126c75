// Many downloads in one process, ended in every way, leave nothing open behind.
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { existsSync, readdirSync, readlinkSync } from "node:fs";
import process from "node:process";
import { test } from "node:test";
import { Downloader, DownloadError, type DownloadHandle, type DownloadSpec } from "../mod.ts";
import { assertFileIs, contentHash, seededRandom } from "./helpers/content.ts";
import { FaultServer, type RecordedRequest, type Reply } from "./helpers/fault_server.ts";
import { temporaryDirectory } from "./helpers/temp.ts";
import { until } from "./helpers/until.ts";

const SEED = 60;
/** More than the first request asks for, so that several connections are used. */
const SIZE = 2_400_000;
/** Where the first response stops, if it is to stop. */
const FIRST = 500_000;
const DOWNLOADS = 60;
const KEPT = [".bytehaul", ".part"];
const SMALL = {
  pieceSize: 16_384,
  minSplitSize: 0,
  minSegmentSize: 16_384,
  maxRetries: 1,
  retryBaseDelayMs: 1,
};

/** A way for a download to end. */
interface Ending {
  readonly spec?: Partial<DownloadSpec>;
  readonly reply?: (request: RecordedRequest) => Reply;
  /** Makes it end, once its first response stands still. */
  readonly stop?: (handle: DownloadHandle) => void;
  /** What `wait()` rejects with; without it, it finishes. */
  readonly code?: string;
  /** What it leaves, by the end of the name. */
  readonly leaves: readonly string[];
}

const silent = ({ range }: RecordedRequest): Reply =>
  range?.start === 0 ? { silentAfter: FIRST } : { never: true };

const ENDINGS: Readonly<Record<string, Ending>> = {
  finished: { leaves: [""] },
  hashed: { spec: { checksum: `sha256:${contentHash(SEED, SIZE, "sha256")}` }, leaves: [""] },
  limited: { spec: { maxDownloadSpeed: 4 * SIZE }, leaves: [""] },
  overloaded: {
    reply: ({ range }) => range?.start === 0 ? { chunked: true, bodyLength: FIRST } : { status: 503 },
    code: "http_status",
    leaves: KEPT,
  },
  missing: { reply: () => ({ status: 404, body: "there is no such file" }), code: "http_status", leaves: [] },
  mismatched: {
    spec: { checksum: "md5:00000000000000000000000000000000" },
    code: "checksum_mismatch",
    leaves: KEPT,
  },
  cut: {
    reply: ({ range }) => range?.start === 0 ? { cutAfter: FIRST } : { refuse: true },
    code: "network",
    leaves: KEPT,
  },
  paused: { reply: silent, stop: (handle) => handle.pause(), code: "paused", leaves: KEPT },
  cancelled: { reply: silent, stop: (handle) => handle.cancel(), code: "cancelled", leaves: KEPT },
  discarded: {
    reply: silent,
    stop: (handle) => handle.cancel({ discard: true }),
    code: "cancelled",
    leaves: [],
  },
};

const NAMES = Object.keys(ENDINGS);

function startServer(): Promise<FaultServer> {
  const respond = (request: RecordedRequest) => ENDINGS[request.path.slice(1)]?.reply?.(request);
  return FaultServer.start({ size: SIZE, seed: SEED, respond });
}

/** One download that ends as it is told to. */
async function run(
  downloader: Downloader,
  server: FaultServer,
  name: string,
  spec: DownloadSpec,
): Promise<void> {
  const { stop, code, ...ending } = ENDINGS[name]!;
  const handle = downloader.download({ ...spec, ...ending.spec, url: new URL(`/${name}`, server.url) });
  if (stop !== undefined) {
    await until(() => handle.snapshot.downloaded === FIRST);
    stop(handle);
  }
  const outcome = await handle.wait().then(() => undefined, (error: unknown) => error);
  if (code === undefined) {
    strictEqual(outcome, undefined, name);
    await assertFileIs(spec.outputPath!, SEED, SIZE);
  } else {
    ok(outcome instanceof DownloadError, `${name}: ${outcome}`);
    strictEqual(outcome.code, code, name);
  }
}

/** Runs all that is in `order`, in its order and several at a time, and checks what they leave on disk. */
async function runAll(server: FaultServer, order: readonly string[], random: () => number): Promise<void> {
  await using directory = await temporaryDirectory();
  {
    await using downloader = new Downloader({ maxConcurrentDownloads: 6, maxDownloadSpeed: 2 ** 30 });
    await Promise.all(order.map((name, index) =>
      run(downloader, server, name, {
        url: "",
        outputPath: directory.join(`${index}`),
        maxConnections: 1 + Math.floor(random() * 4),
        ...SMALL,
      })
    ));
  }
  const expected = order.flatMap((name, index) => ENDINGS[name]!.leaves.map((end) => `${index}${end}`));
  deepStrictEqual(await directory.list(), expected.sort());
}

/** What each open file descriptor is: the path, or the kind of what has none. */
function openDescriptors(): string[] {
  return readdirSync(FD_DIRECTORY).flatMap((name) => {
    try {
      return readlinkSync(`${FD_DIRECTORY}/${name}`).replace(/:\[\d+\]$/, "");
    } catch {
      return []; // the one that the directory was read with
    }
  }).sort();
}

const FD_DIRECTORY = "/proc/self/fd";
const CAN_COUNT = existsSync(FD_DIRECTORY);

test(`${DOWNLOADS} downloads that end in every way leave nothing open`, {
  skip: CAN_COUNT ? false : "no /proc/self/fd here",
}, async () => {
  const random = seededRandom(SEED);
  const order = Array.from({ length: DOWNLOADS }, (_, index) => NAMES[index % NAMES.length]!)
    .map((name) => ({ name, key: random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ name }) => name);
  const rejections: unknown[] = [];
  const onRejection = (reason: unknown) => void rejections.push(reason);
  process.on("unhandledRejection", onRejection);
  try {
    await using server = await startServer();
    // What a runtime opens once and keeps is open after the first of each kind.
    await runAll(server, NAMES, random);
    await server.until(() => server.openConnections === 0);
    const before = openDescriptors();
    await runAll(server, order, random);
    await server.until(() => server.openConnections === 0);
    await until(() => openDescriptors().length <= before.length);
    deepStrictEqual(openDescriptors(), before);
  } finally {
    process.off("unhandledRejection", onRejection);
  }
  deepStrictEqual(rejections, []);
});
