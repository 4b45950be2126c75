import type { DownloadHandle } from "../../src/queue/handle.ts";
import type { DownloaderOptions, DownloadSpec } from "../../src/options/options.ts";
import type { RuntimeFile } from "../../src/runtime/runtime.ts";
import { contentHash } from "../../testing/content.ts";
import type { FaultServer, RecordedRequest, Reply } from "../../testing/mod.ts";
import type { Gate } from "../helpers/doubles/gate.ts";
import type { PoolWatch } from "../helpers/pool_watch.ts";
import { fileWith, type RuntimeOverrides, runtimeWith } from "../helpers/doubles/runtime_double.ts";
import { until } from "../helpers/until.ts";
import { SMALL_FILE } from "../helpers/small_file.ts";

export const SEED = 80;
export const SIZE = 2_500_000;

/** A download that is about to stand in a wait. */
export interface Standstill {
  readonly gate: Gate;
  readonly server: FaultServer;
  readonly pools: PoolWatch;
  readonly handle: DownloadHandle;
}

/** Something that a download waits for, and that does not come. */
export interface Wait {
  readonly name: string;
  readonly spec?: Partial<DownloadSpec>;
  readonly options?: DownloaderOptions;
  /** What the server does until the gate is opened. */
  readonly reply?: (request: RecordedRequest) => Reply | undefined;
  readonly overrides?: (gate: Gate) => RuntimeOverrides;
  /** Resolves once the download stands there; without it, once somebody stands at the gate. */
  readonly reached?: (standstill: Standstill) => Promise<void>;
  /** Whether it is so late that the finished file is there when the gate is open. */
  readonly isFinished?: boolean;
}

const HANGS_AFTER = 100_000;
const LONG_MS = 60_000;

const NETWORK: readonly Wait[] = [
  {
    name: "connecting: the server accepts and never answers",
    reply: () => ({ never: true }),
    reached: ({ server }) => server.until(() => server.requests.length === 1),
  },
  {
    name: "the headers of the first response",
    reply: () => ({ informational: ["HTTP/1.1 103 Early Hints"], delayMs: LONG_MS }),
    reached: ({ server }) => server.until(() => server.requests.length === 1),
  },
  {
    name: "the headers of a later response",
    spec: { ...SMALL_FILE, maxConnections: 3, pieceSize: 16_384 },
    reply: ({ index }) => index === 0 ? { silentAfter: HANGS_AFTER } : { never: true },
    reached: ({ server, handle }) =>
      Promise.all([
        server.until(() => server.requests.length === 3),
        until(() => handle.snapshot.downloaded === HANGS_AFTER),
      ]).then(() => {}),
  },
  {
    name: "a body that went silent",
    reply: () => ({ silentAfter: HANGS_AFTER }),
    reached: ({ handle }) => until(() => handle.snapshot.downloaded === HANGS_AFTER),
  },
  {
    name: "the time before the first try again",
    spec: { retryMaxDelayMs: LONG_MS },
    reply: () => ({ status: 503, headers: { "Retry-After": "30" } }),
    reached: ({ server }) => server.until(() => server.requests[0]?.status === 503),
  },
  {
    name: "the time before a later try again",
    spec: { retryMaxDelayMs: LONG_MS },
    reply: ({ index }) =>
      index === 0 ? { cutAfter: HANGS_AFTER } : { status: 503, headers: { "Retry-After": "30" } },
    reached: ({ server }) => server.until(() => server.requests[1]?.status === 503),
  },
  {
    name: "the rate limit of the download",
    spec: { maxDownloadSpeed: 1000 },
    reached: ({ handle }) => until(() => handle.snapshot.downloaded > 0),
  },
  {
    name: "the rate limit of the downloader, several connections",
    spec: { maxConnections: 4, minSplitSize: 0, minSegmentSize: 16_384 },
    options: { maxDownloadSpeed: 1000 },
    reached: ({ handle }) => until(() => handle.snapshot.downloaded > 0),
  },
];

/** Makes `method` of the files whose path ends in `suffix` hang. */
export function hangingFile(
  suffix: string,
  method: "read" | "write" | "sync" | "close" | "truncate" | "stat",
) {
  return (gate: Gate): RuntimeOverrides => ({
    file: (file, path) => {
      if (!path.endsWith(suffix)) return file;
      const real = fileWith(file, {});
      const hang = async (...args: never[]) => {
        await gate.pass();
        return await (real[method] as (...args: never[]) => Promise<unknown>)(...args);
      };
      return fileWith(file, { [method]: hang } as Partial<RuntimeFile>);
    },
  });
}

type PathMethod = "lstat" | "makeDirectory" | "link" | "rename" | "remove" | "syncDirectory" | "lock";

/** Makes a file system call hang when its last path ends in `suffix`. */
function hangingCall(method: PathMethod | "create" | "freeSpace", suffix: string) {
  return (gate: Gate): RuntimeOverrides => {
    const { files } = runtimeWith({});
    const real = files[method] as (...paths: string[]) => Promise<unknown>;
    const hang = async (...paths: string[]) => {
      if (paths.at(-1)?.endsWith(suffix)) await gate.pass();
      return await real(...paths);
    };
    return { files: { [method]: hang } };
  };
}

const CHECKSUM = `sha256:${contentHash(SEED, SIZE, "sha256")}`;

const DISK: readonly Wait[] = [
  { name: "making the directory", overrides: hangingCall("makeDirectory", "") },
  { name: "the lock", overrides: hangingCall("lock", ".bytehaul.lock") },
  { name: "looking for a finished file", overrides: hangingCall("lstat", "file.bin") },
  { name: "free space", overrides: hangingCall("freeSpace", "") },
  { name: "making the part file", overrides: hangingCall("create", ".part") },
  {
    name: "allocating the part file",
    spec: { fileAllocation: "prealloc" },
    overrides: hangingFile(".part", "truncate"),
  },
  { name: "renaming the first control file", overrides: hangingCall("rename", ".bytehaul") },
  {
    name: "memory, while a write hangs",
    spec: { memoryBudget: 16_384 },
    overrides: hangingFile(".part", "write"),
    reached: ({ gate, pools }) => Promise.all([gate.reached, pools.exhausted]).then(() => {}),
  },
  {
    name: "memory, on several connections",
    spec: { memoryBudget: 131_072, maxConnections: 8, minSplitSize: 0, minSegmentSize: 16_384 },
    overrides: hangingFile(".part", "write"),
    reached: ({ gate, pools }) => Promise.all([gate.reached, pools.exhausted]).then(() => {}),
  },
  { name: "the last write", overrides: hangingFile(".part", "write") },
  {
    name: "the sync of a checkpoint",
    spec: { controlSaveIntervalMs: 20 },
    reply: () => ({ silentAfter: HANGS_AFTER }),
    overrides: hangingFile(".part", "sync"),
  },
  {
    name: "hashing",
    spec: { checksum: CHECKSUM },
    overrides: hangingFile(".part", "read"),
    reached: ({ gate, handle }) =>
      Promise.all([gate.reached, until(() => handle.snapshot.state === "verifying")]).then(() => {}),
  },
  { name: "the sync of the finished file", overrides: hangingFile(".part", "sync") },
  { name: "closing the finished file", overrides: hangingFile(".part", "close"), isFinished: true },
  { name: "linking the final name", overrides: hangingCall("link", "file.bin"), isFinished: true },
  {
    name: "renaming to the final name",
    spec: { overwrite: true },
    overrides: hangingCall("rename", "file.bin"),
    isFinished: true,
  },
  { name: "removing the control file", overrides: hangingCall("remove", ".bytehaul"), isFinished: true },
];

/** Every wait in which a download can be stopped, but for that for its turn. */
export const WAITS: readonly Wait[] = [...NETWORK, ...DISK];
