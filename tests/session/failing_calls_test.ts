// What the torture harness found, each made as small as it gets.
import assert from "node:assert/strict";
import { test } from "node:test";
import { DownloadError } from "../../src/errors.ts";
import type { RuntimeFile } from "../../src/runtime/runtime.ts";
import type { DownloadResult } from "../../src/types.ts";
import { contentHash } from "../../testing/content.ts";
import { assertClaimsHold, leaveFinished } from "../helpers/disk/control_file.ts";
import { FakeWorkers } from "../helpers/doubles/fake_worker.ts";
import { FaultServer } from "../../testing/mod.ts";
import {
  fileWith,
  queueOn,
  type RuntimeOverrides,
  runtimeWith,
  systemError,
} from "../helpers/doubles/runtime_double.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../helpers/temp.ts";
import { isSame } from "../reliability/claims.ts";
import { MemoryFiles } from "../reliability/memory_files.ts";
import { type Call, type Ending, type Fate, runDownload } from "../reliability/memory_runtime.ts";
import { bytesOf, MemoryServer } from "../reliability/memory_server.ts";

const SEED = 1;
const SIZE = 300_000;
const CHECKSUM = `sha256:${contentHash(SEED, SIZE, "sha256")}`;
const { files } = runtimeWith({});

interface Told {
  readonly result: DownloadResult;
  readonly warnings: readonly string[];
}

/** Downloads with parts of the runtime replaced. */
async function download(
  dir: TemporaryDirectory,
  overrides: RuntimeOverrides,
  checksum = CHECKSUM,
  prepare: (url: string) => Promise<void> = () => Promise.resolve(),
): Promise<Told> {
  await using server = await FaultServer.start({ size: SIZE, seed: SEED });
  await prepare(server.url);
  const warnings: string[] = [];
  const logger = (level: string, message: string) => void (level === "warn" && warnings.push(message));
  const queue = queueOn(runtimeWith(overrides), { logger });
  try {
    // Of several pieces, so that there is a part file.
    const spec = { url: server.url, outputPath: dir.join("out.bin"), checksum, pieceSize: 65_536 };
    return { result: await queue.add(spec).wait(), warnings };
  } finally {
    await queue.close();
  }
}

/** Files opened only to be read, changed. */
function readers(change: (file: RuntimeFile) => Partial<RuntimeFile>): RuntimeOverrides {
  return {
    files: {
      open: async (path, mode) => {
        const file = await files.open(path, mode);
        const isData = mode !== "read-write" && !path.endsWith(".bytehaul");
        return isData ? fileWith(file, change(file)) : file;
      },
    },
  };
}

const badClose = readers((file) => ({
  close: () => file.close().then(() => Promise.reject(systemError("EIO"))),
}));
const badRead = readers(() => ({ read: () => Promise.reject(systemError("EIO")) }));

/** Downloads where an earlier run was killed after it gave the name. */
async function downloadFinished(
  dir: TemporaryDirectory,
  overrides: RuntimeOverrides,
  checksum = CHECKSUM,
): Promise<Told> {
  return await download(
    dir,
    overrides,
    checksum,
    (url) => leaveFinished(dir.join("out.bin"), url, SEED, SIZE),
  );
}

test("a lock file that cannot be removed is a warning, and the download a success", async () => {
  await using dir = await temporaryDirectory();
  const { result, warnings } = await download(dir, {
    files: {
      lock: async (path) => {
        const lock = await files.lock(path);
        const release = () => lock?.release().then(() => Promise.reject(systemError("EACCES")));
        return lock && { ...lock, release: async () => await release() };
      },
    },
  });
  assert.equal(result.checksum, CHECKSUM);
  assert.deepEqual(warnings, [`Cannot unlock "${dir.join("out.bin")}": permission denied; remove it`]);
});

test("what was hashed counts, whatever comes of closing the file that was read for it", async () => {
  await using dir = await temporaryDirectory();
  const { result, warnings } = await download(dir, badClose);
  assert.deepEqual([result.checksum, result.fetchedBytes, warnings], [CHECKSUM, SIZE, []]);
  assert.deepEqual(await dir.list(), ["out.bin"]);
});

test("the same of a file that an earlier run had finished", async () => {
  await using dir = await temporaryDirectory();
  const { result } = await downloadFinished(dir, badClose);
  assert.deepEqual([result.checksum, result.fetchedBytes], [CHECKSUM, 0]);
  assert.deepEqual(await dir.list(), ["out.bin"]);
});

test("a file that cannot be read to be verified is an error of the storage, and costs nothing", async () => {
  await using dir = await temporaryDirectory();
  await assert.rejects(download(dir, badRead), {
    name: "DownloadError",
    code: "storage",
    message: /^Cannot read /,
  });
  assert.deepEqual(await dir.list(), ["out.bin.bytehaul", "out.bin.part"]);
  assert.equal(await assertClaimsHold(dir.join("out.bin"), SEED), SIZE);
});

const unopened: RuntimeOverrides = {
  files: {
    open: (path, mode) =>
      path.endsWith("out.bin") ? Promise.reject(systemError("EACCES")) : files.open(path, mode),
  },
};

for (const [what, overrides] of [["read", badRead], ["opened", unopened]] as const) {
  test(`a finished file that cannot be ${what} is an error of the storage, and keeps its name`, async () => {
    await using dir = await temporaryDirectory();
    await assert.rejects(downloadFinished(dir, overrides), { name: "DownloadError", code: "storage" });
    assert.deepEqual(await dir.list(), ["out.bin", "out.bin.bytehaul", "out.bin.part"]);
  });
}

test("a finished file that has another checksum is told as that", async () => {
  await using dir = await temporaryDirectory();
  await assert.rejects(downloadFinished(dir, {}, `sha256:${"0".repeat(64)}`), { code: "checksum_mismatch" });
});

test("a finished file is verified without a thread where that fails", async () => {
  await using dir = await temporaryDirectory();
  using workers = new FakeWorkers({ failAt: 1 });
  const { result } = await downloadFinished(dir, {});
  assert.deepEqual([result.checksum, workers.running], [CHECKSUM, 0]);
});

const FINAL = "/disk/out.bin";

/** Downloads in memory, which also notes the use of a file that is closed. */
async function run(files: MemoryFiles, decide: (call: Call) => Fate = () => undefined): Promise<Ending> {
  const server = new MemoryServer({ seed: SEED, size: SIZE });
  return await runDownload({ files, server, seed: 1, spec: { outputPath: FINAL }, decide });
}

test("a file that gets neither its name nor a last checkpoint is not saved once it is closed", async () => {
  const files = new MemoryFiles("/", "/disk");
  let saves = 0;
  const { error, leaks } = await run(files, ({ name, path }) => {
    const isLastSave = name === "rename" && path === `${FINAL}.bytehaul` && ++saves > 1;
    return isLastSave || name === "link" ? { fail: "EIO" } : undefined;
  });
  assert.ok(error instanceof DownloadError && error.code === "storage", `${error}`);
  assert.deepEqual([saves, leaks], [2, []]);
  assert.equal((await run(files)).kind, "done");
  assert.ok(isSame(files.peek(FINAL), bytesOf({ seed: SEED, size: SIZE })));
});

test("60: a damaged control file that cannot be set aside is an error that says so, and a later run begins anew", async () => {
  const files = new MemoryFiles("/", "/disk");
  files.put(`${FINAL}.bytehaul`, Uint8Array.of(1, 2, 3));
  files.put(`${FINAL}.part`, Uint8Array.of(4, 5, 6));
  const bad = `${FINAL}.bytehaul.bad`;
  const { error, leaks } = await run(files, ({ path }) => path === bad ? { fail: "EACCES" } : undefined);
  assert.ok(error instanceof DownloadError && error.code === "storage", `${error}`);
  assert.deepEqual([error.message, leaks], [`Cannot set aside "${FINAL}.bytehaul": permission denied`, []]);
  assert.deepEqual(files.list(), [`${FINAL}.bytehaul`]);
  assert.equal((await run(files)).kind, "done");
  assert.deepEqual(files.list(), [FINAL, bad]);
});
