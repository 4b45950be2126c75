import assert from "node:assert/strict";
import { stat, truncate } from "node:fs/promises";
import { test } from "node:test";
import type { DownloadSpec } from "../../mod.ts";
import { assertFileIs } from "../../testing/content.ts";
import { untilClaimed } from "../helpers/disk/control_file.ts";
import { FaultServer, type Reply } from "../../testing/mod.ts";
import { fileWith, runtimeWith } from "../helpers/doubles/runtime_double.ts";
import { temporaryDirectory } from "../helpers/temp.ts";
import { until } from "../helpers/until.ts";
import { download, downloadOn, failure, SMALL_BLOCKS } from "./disk.ts";

const SEED = 46;
const SIZE = 3_000_000;
const CUT = 200_000;

const MEDDLING: Readonly<Record<string, (part: string) => Promise<void>>> = {
  "cut": (part) => truncate(part, CUT),
  "cut to nothing": (part) => truncate(part, 0),
  "cut and then made longer than it was": async (part) => {
    const { size } = await stat(part);
    await truncate(part, CUT);
    await truncate(part, size + 1);
  },
  "cut and then made longer, but not as long as it was": async (part) => {
    const { size } = await stat(part);
    await truncate(part, CUT);
    await truncate(part, size - 1);
  },
};

/**
 * Downloads, and lets `meddle` happen when a part of the file is there and nothing is being written: what happens
 * between looking at a file and writing to it nobody can notice.
 */
async function downloadDuring(spec: DownloadSpec, meddle: (part: string) => Promise<void>): Promise<void> {
  let underWay = 0;
  const counted = <T>(call: Promise<T>): Promise<T> => {
    underWay++;
    return call.finally(() => underWay--);
  };
  const runtime = runtimeWith({
    file: (file) =>
      fileWith(file, {
        stat: () => counted(file.stat()),
        write: (data, position) => counted(file.write(data, position)),
      }),
  });
  await downloadOn(runtime, spec, async () => {
    await until(() => underWay === 0);
    await meddle(`${spec.outputPath}.part`);
  });
}

const WAYS: Readonly<Record<string, Partial<DownloadSpec>>> = {
  "over one connection": { maxConnections: 1 },
  "over four connections": { maxConnections: 4 },
  "preallocated, over one connection": { maxConnections: 1, fileAllocation: "prealloc" },
  "preallocated, over four connections": { maxConnections: 4, fileAllocation: "prealloc" },
};

for (const [what, meddle] of Object.entries(MEDDLING)) {
  for (const [how, way] of Object.entries(WAYS)) {
    test(`46: a part file ${what} while it is fetched ${how} is noticed, and nothing wrong kept`, async () => {
      await using dir = await temporaryDirectory();
      await using server = await FaultServer.start({ size: SIZE, seed: SEED });
      const spec = { url: server.url, outputPath: dir.join("out.bin"), ...SMALL_BLOCKS, ...way };
      const part = `${spec.outputPath}.part`;
      await assert.rejects(
        downloadDuring(spec, meddle),
        failure("storage", /changed by another program; try again/, part),
      );
      assert.deepEqual(await dir.list(), ["out.bin.bytehaul", "out.bin.part"]);
      await download(spec);
      await assertFileIs(spec.outputPath, SEED, SIZE);
    });
  }
}

for (const fileAllocation of ["none", "prealloc"] as const) {
  test(`46: a cut is noticed when progress is saved (allocation: ${fileAllocation})`, async () => {
    await using dir = await temporaryDirectory();
    let reply: Reply = { throttle: 200_000 };
    await using server = await FaultServer.start({ size: SIZE, seed: SEED, respond: () => reply });
    const spec = { url: server.url, outputPath: dir.join("out.bin"), ...SMALL_BLOCKS, fileAllocation };
    const part = `${spec.outputPath}.part`;
    const [outcome] = await Promise.allSettled([
      download({ ...spec, controlSaveIntervalMs: 20 }),
      untilClaimed(`${spec.outputPath}.bytehaul`, 0).then(() => truncate(part, 10)),
    ]);
    assert.ok(outcome.status === "rejected");
    failure("storage", /changed by another program; try again/, part)(outcome.reason);
    assert.ok(server.bytesServed < SIZE, "it was noticed late");
    reply = {};
    await download(spec);
    await assertFileIs(spec.outputPath, SEED, SIZE);
  });
}

test("46: a cut of a file from a server without ranges is noticed, and leaves nothing", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: SIZE, seed: SEED, respond: () => ({ status: 200 }) });
  const spec = { url: server.url, outputPath: dir.join("out.bin"), ...SMALL_BLOCKS };
  const part = `${spec.outputPath}.part`;
  await assert.rejects(
    downloadDuring(spec, (part) => truncate(part, CUT)),
    failure("storage", /changed by another program; try again/, part),
  );
  assert.deepEqual(await dir.list(), []);
});
