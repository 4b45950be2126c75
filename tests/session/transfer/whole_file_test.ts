import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { contentHash } from "../../../testing/content.ts";
import type { RecordedRequest, Reply } from "../../../testing/mod.ts";
import { assertClaimsHold, claimedBytes } from "../../helpers/disk/control_file.ts";
import { KEPT, Scene } from "../../helpers/scenes/scene.ts";
import { until } from "../../helpers/until.ts";

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
  const [name, version] of [["no validator", NAMELESS], ["a weak ETag", WEAK], [
    "a young date",
    young(),
  ]] as const
) {
  test(`92 ranges are refused from the second request on, ${name}: the whole file is fetched anew`, async () => {
    await using scene = await Scene.open({ ...FILE, respond: refusingRanges(version) });
    const result = await scene.complete();
    assert.equal(result.fetchedBytes, SIZE + REACHED);
    assert.deepEqual(scene.starts(), [0, REACHED, undefined]);
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
  assert.equal(downloaded, REACHED);
  await scene.assertLeft(KEPT);
  scene.respond = () => version;
  assert.equal((await scene.complete()).resumedBytes, REACHED);
});

test("92 a resumed download that starts over has kept no bytes of the earlier run", async () => {
  const version = young();
  await using scene = await Scene.open({ ...FILE, respond: refusingRanges(version, { status: 403 }) });
  await scene.fail("http_status");
  const from = scene.server.requests.length;
  scene.respond = (request) => {
    if (request.index === from) return { ...version, range: { start: request.range!.start, end: 2 * MIB } };
    return isRanged(request) ? { status: 403 } : version;
  };
  const { resumedBytes, fetchedBytes } = await scene.complete();
  assert.deepEqual([resumedBytes, fetchedBytes], [0, SIZE + 2 * MIB - REACHED]);
});

test("52 92 what is fetched after a restart is claimed, and nothing that was discarded", async () => {
  const version = young();
  await using scene = await Scene.open({ ...FILE, respond: refusingRanges(version, { status: 403 }) });
  await scene.fail("http_status");
  const from = scene.server.requests.length;
  scene.respond = (request) => {
    if (request.index === from) return { ...version, range: { start: request.range!.start, end: 2 * MIB } };
    return isRanged(request) ? { status: 403 } : { ...version, silentAfter: MIB };
  };
  const handle = scene.download({ controlSaveIntervalMs: 600_000 });
  await scene.server.until(() => scene.server.requests.some(({ index, range }) => index > from && !range));
  await until(() => handle.snapshot.downloaded === MIB);
  const giveUpMs = performance.now() + 3000;
  const claimed = () => claimedBytes(`${scene.path}.bytehaul`);
  while (await claimed() !== MIB && performance.now() < giveUpMs) await sleep(10);
  assert.equal(await assertClaimsHold(scene.path, SEED), MIB);
  handle.cancel();
  await assert.rejects(handle.wait());
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
  assert.ok(scene.server.requests.length > 5);
});

const STRONG: Reply = { etag: '"a"', lastModified: "Sun, 06 Nov 1994 08:49:37 GMT" };
const ONE_STREAM: Reply = { ...STRONG, status: 200 };

for (const maxConnections of [1, 4]) {
  test(`131 ranges are refused from some request on, ${maxConnections} connections, old validators for a file that changed: the new one`, async () => {
    const respond = ({ index, range }: RecordedRequest): Reply => {
      if (index < maxConnections) {
        const { start, end } = range!;
        return { ...STRONG, range: { start, end: Math.min(end, start + 200_000) }, seed: SEED };
      }
      return range === undefined ? STRONG : { status: 403 };
    };
    await using scene = await Scene.open({ ...FILE, ...STRONG, seed: SEED + 1, respond });
    await scene.complete({ maxConnections, pieceSize: 65_536 });
    assert.ok(scene.wasTold("info", /its bytes differ from those on disk/));
  });
}

for (
  const [name, checksum] of [["no checksum", undefined], [
    "a checksum",
    contentHash(SEED + 1, SIZE, "sha256"),
  ]]
) {
  test(`131 a server without ranges, old validators for a file that changed, ${name}: the new one`, async () => {
    await using scene = await Scene.open({
      ...FILE,
      seed: SEED + 1,
      respond: ({ index }) => index === 0 ? { ...ONE_STREAM, seed: SEED, silentAfter: REACHED } : ONE_STREAM,
    });
    const spec = checksum === undefined ? {} : { checksum: `sha256:${checksum}` };
    const handle = scene.download({ readTimeoutMs: 300, ...spec });
    await until(() => handle.snapshot.downloaded === REACHED);
    await scene.completed(handle);
    assert.equal(scene.server.requests.length, 3);
  });
}

test("131 a server without ranges, the same file: it is asked once more, and nothing is written twice", async () => {
  await using scene = await Scene.open({
    ...FILE,
    respond: ({ index }) => index === 0 ? { ...ONE_STREAM, silentAfter: REACHED } : ONE_STREAM,
  });
  const handle = scene.download({ readTimeoutMs: 300 });
  await until(() => handle.snapshot.downloaded === REACHED);
  assert.equal((await scene.completed(handle)).fetchedBytes, SIZE + REACHED);
  assert.equal(scene.server.requests.length, 2);
});
