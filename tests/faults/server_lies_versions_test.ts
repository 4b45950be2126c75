import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { test } from "node:test";
import { HttpStatusError, RemoteChangedError } from "../../mod.ts";
import { contentHash } from "../../testing/content.ts";
import { KEPT, Scene } from "../helpers/scenes/scene.ts";
import { until } from "../helpers/until.ts";
import { assertGoesOn, COMPARED, FILE, interrupted, REACHED, SEED, SHORT, SIZE } from "./half_way.ts";

for (
  const [name, reply] of [
    ["13 another ETag, same size", { seed: 2, etag: '"two"' }],
    ["13 another Last-Modified, no ETag", { seed: 2, etag: null }],
    ["15 a replica with another ETag", { etag: '"replica"' }],
    ["24 the total grew, and the version is named otherwise", { size: SIZE + 1000, etag: '"two"' }],
    ["24 the total shrank, and the version is named otherwise", { size: SIZE - 1000, etag: '"two"' }],
  ] as const
) {
  test(`${name}, during the run`, async () => {
    await using scene = await Scene.open({ ...FILE, respond: ({ index }) => index === 0 ? SHORT : reply });
    const { error, downloaded } = await scene.fail("remote_changed");
    assert.ok(error instanceof RemoteChangedError);
    assert.equal(downloaded, REACHED);
    assert.deepEqual(scene.starts().length, 2);
    await scene.assertLeft(KEPT);
    await assertGoesOn(scene);
  });
}

test("4 a 206 with another total of the same version, during the run: one request decides", async () => {
  await using scene = await Scene.open({
    ...FILE,
    respond: ({ index, headers }) => {
      if (index === 0) return SHORT;
      if (headers["range"] === undefined) return undefined;
      return { headers: { "Content-Range": `bytes ${REACHED}-${SIZE - 1}/${SIZE + 9}` } };
    },
  });
  await scene.complete();
  assert.deepEqual(scene.starts(), [0, REACHED, undefined]);
});

for (const size of [SIZE + 1000, SIZE - 1000, 1000]) {
  test(`24 the total becomes ${size} and its name stays, during the run: one request fetches that version`, async () => {
    await using scene = await Scene.open({
      ...FILE,
      respond: ({ index }) => index === 0 ? SHORT : undefined,
    });
    const handle = scene.download();
    await scene.server.until(() => scene.server.requests.length > 0);
    scene.server.set({ size });
    await scene.completed(handle);
    assert.ok(scene.wasTold("warn", /restarting with one request/));
  });
}

test("4 the same where even the whole file does not agree: refused, progress kept", async () => {
  await using scene = await Scene.open({
    ...FILE,
    respond: ({ index, headers }) => {
      if (index === 0) return SHORT;
      if (headers["range"] === undefined) return { etag: null, lastModified: null, body: "<html>" };
      return { headers: { "Content-Range": `bytes ${REACHED}-${SIZE - 1}/${SIZE + 9}` } };
    },
  });
  await scene.fail("remote_changed");
  await scene.assertLeft(KEPT);
  await assertGoesOn(scene);
});

test("13 a 200 with another ETag, during the run: the whole file is asked for, and not a byte of it used", async () => {
  await using scene = await Scene.open({
    ...FILE,
    respond: ({ index }) => index === 0 ? SHORT : { seed: 2, etag: '"two"', status: 200 },
  });
  const { error, downloaded } = await scene.fail("bad_response");
  assert.match(error.message, /another file, or another version of it/);
  assert.deepEqual([error.retryable, downloaded], [false, REACHED]);
  assert.deepEqual(scene.starts(), [0, REACHED, undefined]);
  await scene.assertLeft(KEPT);
  await assertGoesOn(scene);
});

test("13 the file changes under several connections", async () => {
  await using scene = await Scene.open({
    size: 12_000_000,
    seed: 1,
    respond: () => ({ throttle: 2_000_000 }),
  });
  const handle = scene.download({ maxConnections: 4 });
  await until(() => handle.snapshot.downloaded > 200_000);
  scene.server.set({ seed: 2 });
  scene.respond = () => undefined;
  await scene.failed("remote_changed", handle);
  await scene.assertLeft(KEPT);
  const result = await scene.complete({ maxConnections: 4 });
  assert.deepEqual([result.resumedBytes, result.fetchedBytes], [0, 12_000_000]);
});

for (
  const [name, before, after, reply] of [
    ["another ETag", {}, {}, {}],
    ["another date and no ETag", { etag: null }, { etag: null }, {}],
    ["another date and a weak ETag", { etag: 'W/"a"' }, { etag: 'W/"b"' }, {}],
    ["a server that ignores If-Range", {}, { etag: '"two"' }, {
      range: { start: REACHED - COMPARED, end: SIZE },
    }],
  ] as const
) {
  test(`12 changed between runs, same size: ${name}`, async () => {
    await using scene = await interrupted({ size: SIZE, seed: SEED, ...before });
    const { etag, lastModified } = scene.server.version;
    scene.server.set({ seed: 2, etag: undefined, ...after });
    scene.respond = ({ index }) => index === 1 ? reply : undefined;
    const result = await scene.complete();
    assert.deepEqual([result.resumedBytes, result.fetchedBytes], [0, SIZE]);
    assert.deepEqual(scene.starts(1), [REACHED - COMPARED, 0]);
    const strong = etag?.startsWith('"') ? etag : lastModified;
    assert.equal(scene.server.requests[1]?.headers["if-range"], strong);
    assert.ok(scene.wasTold("warn", /the file on the server changed; restarting/));
  });
}

test("12 changed between runs, and what replaces it has the same size and no validator", async () => {
  await using scene = await interrupted();
  scene.server.set({ seed: 2, etag: null, lastModified: null });
  scene.respond = ({ headers }) => "if-range" in headers ? { status: 200, etag: '"two"' } : undefined;
  const result = await scene.complete();
  assert.deepEqual([result.resumedBytes, scene.starts(1)], [0, [REACHED - COMPARED, 0]]);
  assert.ok(scene.wasTold("warn", /the file on the server changed; restarting/));
});

test("12 what replaces a changed file can be cut and goes on where it was", async () => {
  await using scene = await interrupted();
  scene.server.set({ seed: 2, etag: '"two"' });
  scene.respond = ({ headers }) => headers["range"] === "bytes=0-" ? SHORT : undefined;
  const result = await scene.complete();
  assert.deepEqual([result.resumedBytes, result.fetchedBytes], [0, SIZE]);
  assert.deepEqual(scene.starts(1), [REACHED - COMPARED, 0, REACHED]);
});

for (const [name, etag] of [["no validator", null], ["a weak ETag only", 'W/"a"']] as const) {
  const file = { ...FILE, etag, lastModified: null };

  test(`14 ${name}: a later run starts again`, async () => {
    await using scene = await interrupted(file);
    const result = await scene.complete();
    assert.deepEqual([result.resumedBytes, scene.starts(1)], [0, [0]]);
    assert.ok(scene.wasTold("warn", /restarting/));
  });

  test(`14 ${name}, a checksum: a later run goes on`, async () => {
    await using scene = await interrupted(file);
    const result = await scene.complete({ checksum: `sha256:${contentHash(SEED, SIZE, "sha256")}` });
    assert.deepEqual([result.resumedBytes, scene.starts(1)], [REACHED, [REACHED - COMPARED]]);
    assert.equal(scene.server.requests[1]?.headers["if-range"], undefined);
  });

  test(`14 ${name}, a checksum, and the file changed: a later run ends up with the new one`, async () => {
    await using scene = await interrupted(file);
    scene.server.set({ seed: 2 });
    const result = await scene.complete({ checksum: `sha256:${contentHash(2, SIZE, "sha256")}` });
    assert.deepEqual([result.resumedBytes, scene.starts(1)], [0, [REACHED - COMPARED, 0]]);
  });
}
test("16 a 416 with the right total although bytes are missing: refused, progress kept", async () => {
  await using scene = await interrupted();
  scene.respond = () => ({ status: 416 });
  const { error } = await scene.fail("http_status");
  assert.ok(error instanceof HttpStatusError && error.status === 416);
  await scene.assertLeft(KEPT);
  await assertGoesOn(scene);
});

test("16 a 416 because the file has shrunk: from its start", async () => {
  await using scene = await interrupted();
  scene.server.set({ seed: 2, size: REACHED, etag: '"two"' });
  scene.respond = ({ headers }) => headers["if-range"] === undefined ? undefined : { status: 416 };
  const result = await scene.complete();
  assert.deepEqual([result.resumedBytes, result.size], [0, REACHED]);
  assert.ok(scene.wasTold("warn", /restarting/));
});

for (const status of [416, 200] as const) {
  for (const checksum of [undefined, `sha256:${contentHash(1, 0, "sha256")}`]) {
    test(`17 an empty file, told by ${status}${checksum ? ", with a checksum" : ""}`, async () => {
      await using scene = await Scene.open({ size: 0, respond: () => ({ status }) });
      const result = await scene.complete({ maxConnections: 4, ...checksum && { checksum } });
      assert.deepEqual([result.fetchedBytes, result.lengthVerified], [0, true]);
      assert.equal(scene.server.requests.length, 1);
    });
  }
}

test("17 a file that became empty between runs", async () => {
  await using scene = await interrupted();
  scene.server.set({ size: 0, etag: '"two"' });
  const result = await scene.complete();
  assert.deepEqual([result.size, result.resumedBytes], [0, 0]);
});

for (const maxConnections of [1, 4]) {
  test(`18 right headers, wrong bytes, ${maxConnections} connections: only the checksum tells`, async () => {
    const size = 2_500_000;
    const checksum = `sha256:${contentHash(SEED, size, "sha256")}`;
    const spec = { checksum, maxConnections };
    await using scene = await Scene.open({ size, seed: SEED, etag: '"one"', respond: () => ({ seed: 2 }) });
    await scene.fail("checksum_mismatch", spec);
    await scene.assertLeft(["file.bin.mismatch"]);
    await rm(scene.directory.join("file.bin.mismatch"));
    scene.respond = () => undefined;
    const result = await scene.complete(spec);
    assert.deepEqual([result.fetchedBytes, result.resumedBytes, result.checksum], [size, 0, checksum]);
  });
}
