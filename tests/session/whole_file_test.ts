import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { test } from "node:test";
import type { RecordedRequest, Reply } from "../helpers/fault_server.ts";
import { KEPT, Scene } from "../helpers/scene.ts";

const MIB = 2 ** 20;
const SIZE = 3 * MIB + 7;
const REACHED = 400_000;
const SEED = 90;
const FILE = { size: SIZE, seed: SEED };

/** What a server without anything to tell versions apart by sends. */
const NAMELESS: Reply = { etag: null, lastModified: null };
const WEAK: Reply = { etag: 'W/"a"', lastModified: null };
const young = (): Reply => ({ etag: null, lastModified: new Date().toUTCString() });

const isRanged = ({ headers }: RecordedRequest): boolean => "range" in headers;

/** Sends the first `REACHED` bytes, and from then on answers no range. */
function refusingRanges(version: Reply, whole: Reply = {}): (request: RecordedRequest) => Reply {
  return (request) => {
    if (request.index === 0) return { ...version, range: { start: 0, end: REACHED } };
    return isRanged(request) ? { status: 403 } : { ...version, ...whole };
  };
}

for (
  const [name, version] of [["no validator", NAMELESS], ["a weak ETag", WEAK], ["a young date", young()]] as const
) {
  test(`92 ranges are refused from the second request on, ${name}: the whole file is fetched anew`, async () => {
    await using scene = await Scene.open({ ...FILE, respond: refusingRanges(version) });
    const result = await scene.complete();
    strictEqual(result.fetchedBytes, SIZE + REACHED);
    deepStrictEqual(scene.starts(), [0, REACHED, undefined]);
  });

  test(`92 ranges are refused from the second request on, ${name}, and the file has changed: it is the new one`, async () => {
    const respond = refusingRanges(version);
    await using scene = await Scene.open({
      ...FILE,
      seed: SEED + 1,
      respond: (request) => ({ ...respond(request), ...(request.index === 0 ? { seed: SEED } : {}) }),
    });
    await scene.complete();
  });
}

test("92 ranges are refused from the second request on, and the whole file as well: what is there is kept", async () => {
  const lastModified = new Date().toUTCString();
  const version: Reply = { etag: null, lastModified };
  await using scene = await Scene.open({ ...FILE, respond: refusingRanges(version, { status: 403 }) });
  const { downloaded } = await scene.fail("http_status");
  strictEqual(downloaded, REACHED);
  await scene.assertLeft(KEPT);
  scene.respond = () => version;
  strictEqual((await scene.complete()).resumedBytes, REACHED);
});

test("25 the whole file is cut again and again: every byte that came is progress", async () => {
  const step = 500_000;
  let reached = REACHED;
  await using scene = await Scene.open({
    ...FILE,
    respond: (request) => {
      if (request.index === 0) return { range: { start: 0, end: REACHED } };
      if (isRanged(request)) return { status: 403 };
      reached += step;
      return reached < SIZE ? { silentAfter: reached } : {};
    },
  });
  await scene.complete({ maxRetries: 1, readTimeoutMs: 300 });
  ok(scene.server.requests.length > 5);
});
