import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { test } from "node:test";
import { DownloadError } from "../../mod.ts";
import { assertFileIs } from "../helpers/content.ts";
import { FaultServer } from "../helpers/fault_server.ts";
import { Gate } from "../helpers/gate.ts";
import { PoolWatch } from "../helpers/pool_watch.ts";
import { queueOn, runtimeWith } from "../helpers/runtime_double.ts";
import { temporaryDirectory } from "../helpers/temp.ts";
import type { DownloadHandle } from "../../mod.ts";
import { SEED, SIZE, type Wait, WAITS } from "./waits.ts";

const SETTLED_WITHIN_MS = 200;

type Stop = "pause" | "cancel";
const STATES = { pause: "paused", cancel: "cancelled" } as const;

/** Stops a download, and checks that its handle says so at once. */
async function assertStops(handle: DownloadHandle, stop: Stop): Promise<void> {
  const startedMs = performance.now();
  handle[stop]();
  const error = await handle.wait().then((result) => result, (reason) => reason);
  const elapsedMs = performance.now() - startedMs;
  ok(error instanceof DownloadError, `${stop} ended in ${error}`);
  strictEqual(error.code, STATES[stop]);
  strictEqual(handle.snapshot.state, STATES[stop]);
  strictEqual(handle.snapshot.connections, 0);
  ok(elapsedMs <= SETTLED_WITHIN_MS, `${stop} took ${elapsedMs.toFixed(0)} ms`);
}

async function stopIn(wait: Wait, stop: Stop): Promise<void> {
  await using dir = await temporaryDirectory();
  using pools = new PoolWatch();
  const gate = new Gate();
  let isFaulty = true;
  await using server = await FaultServer.start({
    size: SIZE,
    seed: SEED,
    respond: (request) => isFaulty ? wait.reply?.(request) : undefined,
  });
  const queue = queueOn(runtimeWith(wait.overrides?.(gate) ?? {}), wait.options);
  const base = { url: server.url, outputPath: dir.join("file.bin"), maxConnections: 1 };
  let stage = "reach";
  const t = setTimeout(
    () =>
      console.log(
        "STUCK",
        stage,
        wait.name,
        handle.snapshot,
        pools.pools.map((p) => [p.bytesInUse, p.peakBytes]),
        server.openConnections,
        server.requests,
      ),
    4000,
  );
  const handle = queue.add({ ...base, ...wait.spec });
  try {
    await (wait.reached?.({ gate, server, queue, pools, handle }) ?? gate.reached);
    stage = "stop";
    await assertStops(handle, stop);
  } finally {
    gate.open();
    isFaulty = false;
  }
  stage = "closed";
  await handle.closed;
  stage = "again";
  queue.bucket.bytesPerSecond = 0;
  if (wait.isFinished) {
    await assertFileIs(base.outputPath, SEED, SIZE);
    deepStrictEqual(await dir.list(), ["file.bin"]);
  }
  h2 = queue.add({ ...base, overwrite: wait.isFinished ?? false }); await h2.wait(); stage='check';
  await assertFileIs(base.outputPath, SEED, SIZE);
  deepStrictEqual(await dir.list(), ["file.bin"]);
  stage = "qclose";
  await queue.close();
  clearTimeout(t);
}

for (const wait of Array.from({ length: 100 }, () => WAITS.find((w) => /memory, on several/.test(w.name))!)) {
  for (const stop of ["pause", "cancel"] as const) {
    test(`80 ${stop} while waiting for ${wait.name}`, { timeout: 10_000 }, () => stopIn(wait, stop));
  }
}
