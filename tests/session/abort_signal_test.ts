import assert from "node:assert/strict";
import { test } from "node:test";
import type { DownloadHandle } from "../../mod.ts";
import type { Reply } from "../../testing/mod.ts";
import { countListeners } from "../helpers/listeners.ts";
import { KEPT, Scene } from "../helpers/scenes/scene.ts";
import { until } from "../helpers/until.ts";

const SIZE = 2_000_000;
const HANGS_AFTER = 100_000;

for (
  const [name, abort] of [
    ["with a reason", (controller: AbortController) => controller.abort(new Error("enough"))],
    ["with a reason that is no error", (controller: AbortController) => controller.abort("enough")],
    ["without a reason", (controller: AbortController) => controller.abort()],
  ] as const
) {
  test(`a signal that is aborted already, ${name}: nothing is asked and nothing written`, async () => {
    await using scene = await Scene.open({ size: SIZE });
    const controller = new AbortController();
    abort(controller);
    const handle = scene.download({ signal: controller.signal });
    assert.equal(await handle.wait().catch((reason) => reason), controller.signal.reason);
    await handle.closed;
    assert.equal(handle.snapshot.state, "cancelled");
    assert.equal(scene.server.connections, 0);
    await scene.assertLeft([]);
  });

  test(`a signal that is aborted half-way, ${name}: wait() rejects with it, progress is kept`, async () => {
    await using scene = await Scene.open({ size: SIZE, respond: () => ({ silentAfter: HANGS_AFTER }) });
    const controller = new AbortController();
    const handle = scene.download({ signal: controller.signal });
    await until(() => handle.snapshot.downloaded === HANGS_AFTER);
    abort(controller);
    assert.equal(await handle.wait().catch((reason) => reason), controller.signal.reason);
    assert.equal(handle.snapshot.state, "cancelled");
    await handle.closed;
    await scene.assertLeft(KEPT);
    scene.respond = () => undefined;
    assert.equal((await scene.complete()).resumedBytes, HANGS_AFTER);
  });
}

test("AbortSignal.timeout() ends a download with its TimeoutError", async () => {
  await using scene = await Scene.open({ size: SIZE, respond: () => ({ silentAfter: HANGS_AFTER }) });
  const handle = scene.download({ signal: AbortSignal.timeout(50) });
  await assert.rejects(handle.wait(), { name: "TimeoutError" });
  assert.equal(handle.snapshot.state, "cancelled");
});

const ENDS = {
  completed: () => {},
  failed: () => {},
  paused: (handle: DownloadHandle) => handle.pause(),
  cancelled: (handle: DownloadHandle) => handle.cancel(),
};
const REPLIES: Readonly<Record<keyof typeof ENDS, Reply>> = {
  completed: {},
  failed: { status: 404 },
  paused: { never: true },
  cancelled: { never: true },
};

for (const [state, end] of Object.entries(ENDS) as [keyof typeof ENDS, (handle: DownloadHandle) => void][]) {
  test(`the listener on the signal is removed from a download that is ${state}`, async () => {
    await using scene = await Scene.open({ size: SIZE, respond: () => REPLIES[state] });
    const { signal } = new AbortController();
    const listeners = countListeners(signal);
    const handle = scene.download({ signal });
    assert.equal(listeners(), 1);
    await scene.server.until(() => scene.server.requests.length === 1);
    end(handle);
    await handle.closed;
    assert.deepEqual([handle.snapshot.state, listeners()], [state, 0]);
  });
}

test("a signal that is aborted after the end changes nothing", async () => {
  await using scene = await Scene.open({ size: SIZE });
  const controller = new AbortController();
  const handle = scene.download({ signal: controller.signal });
  const result = await scene.completed(handle);
  controller.abort();
  assert.deepEqual(await handle.wait(), result);
  assert.equal(handle.snapshot.state, "completed");
});

test("one signal ends all downloads that have it", async () => {
  await using scene = await Scene.open({ size: SIZE, respond: () => ({ silentAfter: HANGS_AFTER }) });
  const controller = new AbortController();
  const handles = ["a", "b"].map((name) =>
    scene.download({ signal: controller.signal, outputPath: scene.directory.join(name) })
  );
  await until(() => handles.every(({ snapshot }) => snapshot.downloaded === HANGS_AFTER));
  controller.abort();
  await Promise.all(handles.map((handle) => assert.rejects(handle.wait(), { name: "AbortError" })));
});
