import assert from "node:assert/strict";
import type { Reply } from "../../testing/mod.ts";
import { KEPT, Scene } from "../helpers/scenes/scene.ts";

export const SIZE = 1_000_003;
export const SEED = 11;
export const FILE = { size: SIZE, seed: SEED, etag: '"one"' };
/** How far a download gets whose first response ends early. */
export const REACHED = 300_001;
/** How much before the first missing byte a later run begins, to compare it with what is there. */
export const COMPARED = 65_536;
/** Ends early in a way that both runtimes hand over to the last byte. */
export const SHORT: Reply = { chunked: true, bodyLength: REACHED };

/** A scene in which an earlier run got as far as `REACHED`. */
export async function interrupted(file: Parameters<typeof Scene.open>[0] = FILE): Promise<Scene> {
  const scene = await Scene.open({ ...file, respond: () => SHORT });
  const { downloaded } = await scene.fail("network", { maxRetries: 0 });
  assert.equal(downloaded, REACHED);
  await scene.assertLeft(KEPT);
  scene.respond = () => undefined;
  return scene;
}

/** Checks that a run without faults fetches what is missing, and beside it only what is compared. */
export async function assertGoesOn(scene: Scene): Promise<void> {
  const before = scene.server.requests.length;
  scene.respond = () => undefined;
  const result = await scene.complete();
  assert.deepEqual([result.resumedBytes, result.fetchedBytes], [REACHED, SIZE - REACHED]);
  assert.deepEqual(scene.starts(before), [REACHED - COMPARED]);
}
