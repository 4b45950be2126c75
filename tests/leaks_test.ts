import assert from "node:assert/strict";
import { test } from "node:test";
import { Downloader } from "../mod.ts";
import { FaultServer } from "../testing/mod.ts";
import { queueOn, runtimeWith, systemError } from "./helpers/doubles/runtime_double.ts";
import { Scene } from "./helpers/scenes/scene.ts";
import { temporaryDirectory } from "./helpers/temp.ts";
import { until } from "./helpers/until.ts";

const SEED = 19;
const SIZE = 1_300_000;

test("a downloader that is closed leaves no idle connection open", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: SIZE, seed: SEED });
  {
    await using downloader = new Downloader({ defaults: { minSplitSize: 0, minSegmentSize: 16_384 } });
    const handles = [1, 2, 3].map((number) =>
      downloader.download({ url: server.url, outputPath: dir.join(`${number}`) })
    );
    await Promise.all(handles.map((handle) => handle.wait()));
    assert.ok(server.openConnections > 0, "nothing was kept for the next request");
  }
  await until(() => server.openConnections === 0);
});

test("a part file that cannot be opened for hashing: the response is closed, and nothing is left", async () => {
  const { files } = runtimeWith({});
  const runtime = runtimeWith({
    files: {
      open: (path, mode) =>
        mode === "read-own" ? Promise.reject(systemError("EMFILE")) : files.open(path, mode),
    },
  });
  const respond = () => ({ silentAfter: 100_000 });
  await using scene = await Scene.open({ size: SIZE, respond }, () => {
    const queue = queueOn(runtime);
    return { download: (spec) => queue.add(spec), close: () => queue.close() };
  });
  await scene.fail("storage", { checksum: `sha256:${"0".repeat(64)}` });
  await scene.server.until(() => scene.server.openConnections === 0);
  await scene.assertLeft([]);
});
