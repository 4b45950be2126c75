import type { DownloadSpec } from "../../src/options/options.ts";
import { contentHash } from "../../testing/content.ts";
import { isSame } from "./claims.ts";
import type { MemoryFiles } from "./memory_files.ts";
import type { Call } from "./memory_runtime.ts";
import { bytesOf, type MemoryServerOptions } from "./memory_server.ts";

/** What the server has. */
export const VERSION = { seed: 3, size: 1_000_000 };
/** What it answers with after a change. */
const CHANGED = { seed: 103, size: 1_000_000 };
/** What has the final name where it is to be replaced. */
export const OLD = { seed: 4, size: 50_000 };
const CHECKSUM = `sha256:${contentHash(VERSION.seed, VERSION.size, "sha256")}`;

/** Where everything happens. */
export const DIRECTORY = "/disk";
/** The output, and what lies beside it. */
export const FINAL = `${DIRECTORY}/out.bin`;
export const PART = `${FINAL}.part`;
export const CONTROL = `${FINAL}.bytehaul`;
export const BAD = `${CONTROL}.bad`;
export const MISMATCH = `${FINAL}.mismatch`;

/** Options of every download: several connections, and checkpoints now and then. */
export const COMMON = {
  outputPath: FINAL,
  maxConnections: 3,
  pieceSize: 65_536,
  minSplitSize: 0,
  minSegmentSize: 65_536,
  memoryBudget: 1_500_000,
  controlSaveIntervalMs: 2,
} as const;

/** The whole file is one piece, which is held in memory. */
const HELD = { pieceSize: 2 ** 20, memoryBudget: 2 ** 22 } as const;

/** With what each call may fail. */
export const ERRORS: Readonly<Record<string, readonly string[]>> = {
  makeDirectory: ["EACCES", "ENOSPC", "EROFS"],
  lock: ["EACCES", "EMFILE", "ENOLCK", "ENOSPC", "EROFS"],
  lstat: ["EACCES", "EIO"],
  stat: ["EACCES", "EIO"],
  create: ["EACCES", "EMFILE", "ENOSPC", "EIO"],
  open: ["EACCES", "EMFILE", "EIO"],
  read: ["EIO"],
  write: ["ENOSPC", "EDQUOT", "EIO"],
  truncate: ["ENOSPC", "EFBIG", "EINVAL", "EIO"],
  sync: ["EIO", "ENOSPC"],
  fstat: ["EIO"],
  close: ["EIO", "ENOSPC"],
  link: ["EPERM", "ENOTSUP", "EMLINK", "ENOSPC", "EIO"],
  rename: ["EACCES", "ENOSPC", "EIO"],
  remove: ["EACCES", "EPERM", "EIO"],
  syncDirectory: ["EIO", "EMFILE"],
  freeSpace: ["none", "unknown"],
  fetch: ["ECONNREFUSED", "ECONNRESET", "hang", "403", "404", "416", "429", "500", "503", "changed", "whole"],
  body: ["ECONNRESET", "cut", "silent", "surplus"],
  thread: ["EAGAIN"],
  hash: ["thread failed"],
};

/** Calls whose failure may leave another disk than one sees. */
export const CHANGES = new Set([
  "create",
  "write",
  "truncate",
  "sync",
  "close",
  "link",
  "rename",
  "remove",
  "syncDirectory",
]);

/** What tells a client to begin anew, so that progress may go. */
export const RESTARTS = new Set(["changed", "whole"]);

/** A download, and what it finds. */
export interface Scenario {
  readonly spec?: Partial<DownloadSpec>;
  readonly server?: Partial<MemoryServerOptions>;
  /** Where an earlier run was stopped, if there was one. */
  readonly stopAt?: (call: Call) => boolean;
  /** Whether the directory of the output has to be made. */
  readonly makesDirectory?: true;
  /** Failures that nothing can tell from success. */
  readonly unseen?: ReadonlySet<string>;
  /** Makes changes to what is there. */
  readonly prepare?: (files: MemoryFiles) => void;
}

/** About the middle. */
const half = (call: Call): boolean => call.name === "write" && call.number > 45;

/** The downloads that suffer. */
export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  fresh: { spec: { checksum: CHECKSUM }, makesDirectory: true },
  overwrite: {
    spec: { overwrite: true, fileAllocation: "prealloc" },
    prepare: (files) => files.put(FINAL, bytesOf(OLD)),
  },
  small: { spec: { ...HELD, checksum: CHECKSUM, controlSaveIntervalMs: 60_000 } },
  "small, saved": { spec: HELD },
  resume: { spec: { checksum: CHECKSUM }, stopAt: half },
  damaged: { stopAt: half, prepare: damage },
  restart: { spec: { resume: false }, stopAt: half },
  whole: { spec: { checksum: CHECKSUM }, server: { acceptsRanges: false } },
  unmeasured: {
    server: { acceptsRanges: false, tellsLength: false },
    unseen: new Set(["cut", "surplus"]), // only a length or a checksum would tell
  },
  uncommitted: { spec: { checksum: CHECKSUM }, stopAt: ({ name }) => name === "link" },
  committed: {
    spec: { checksum: CHECKSUM },
    stopAt: ({ name, path }) => name === "remove" && path === CONTROL,
  },
};

/** Turns a bit of the control file. */
export function damage(files: MemoryFiles): void {
  const bytes = files.peek(CONTROL)!.slice();
  bytes[40]! ^= 1;
  files.put(CONTROL, bytes);
}

/** The bytes that belong to an ETag. */
export function versionOf(etag: string | undefined): Uint8Array {
  return bytesOf(etag === `"v${CHANGED.seed}"` ? CHANGED : VERSION);
}

/** Whether the final name has the bytes of one version. */
export function isWhole(files: MemoryFiles): boolean {
  return [VERSION, CHANGED].some((version) => isSame(files.peek(FINAL), bytesOf(version)));
}
