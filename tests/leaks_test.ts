// Many downloads in one process, ended in every way, leave nothing open behind.
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { existsSync, readdirSync, readlinkSync } from "node:fs";
import process from "node:process";
import { test } from "node:test";
import { Downloader, DownloadError, type DownloadHandle, type DownloadSpec } from "../mod.ts";
import { assertFileIs, contentHash, seededRandom } from "./helpers/content.ts";
import { FaultServer, type RecordedRequest, type Reply } from "./helpers/fault_server.ts";
import { type TemporaryDirectory, temporaryDirectory } from "./helpers/temp.ts";
import { until } from "./helpers/until.ts";

const SEED = 60;
const SIZE = 400_000;
const HALF = SIZE / 2;
const DOWNLOADS = 60;
const KEPT = [".bytehaul", ".part"];

/** A way for a download to end. */
interface Ending {
  readonly spec?: Partial<DownloadSpec>;
  readonly reply?: (request: RecordedRequest) => Reply;
  /** Makes it end, once it stands half-way. */
  readonly stop?: (handle: DownloadHandle) => void;
  /** What `wait()` rejects with; without it, it finishes. */
  readonly code?: string;
  /** What it leaves, by the end of the name. */
  readonly leaves: readonly string[];
}

const silent = ({ range }: RecordedRequest): Reply => range?.start === 0 ? { silentAfter: HALF } : { never: true };

const ENDINGS: Readonly<Record<string, Ending>> = {
  finished: { leaves: [""] },
  hashed: { spec: { checksum: `sha256:${contentHash(SEED, SIZE, "sha256")}` }, leaves: [""] },
  limited: { spec: { maxDownloadSpeed: 8 * SIZE }, leaves: [""] },
  overloaded: { reply: ({ range }) => range!.start % 3 === 0 ? {} : { status: 503 }, code: "http_status", leaves: KEPT },
  missing: { reply: () => ({ status: 404, body: "there is no such file" }), code: "http_status", leaves: [] },
  mismatched: { spec: { checksum: "md5:00000000000000000000000000000000" }, code: "checksum_mismatch", leaves: [] },
  cut: { reply: ({ range }) => range?.start === 0 ? { cutAfter: HALF } : { refuse: true }, code: "network", leaves: KEPT },
  paused: { reply: silent, stop: (handle) => handle.pause(), code: "paused", leaves: KEPT },
  cancelled: { reply: silent, stop: (handle) => handle.cancel(), code: "cancelled", leaves: KEPT },
  discarded: { reply: silent, stop: (handle) => handle.cancel({ discard: true }), code: "cancelled", leaves: [] },
};
