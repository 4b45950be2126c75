import assert from "node:assert/strict";
import { test } from "node:test";
import { Downloader } from "../../mod.ts";
import { Interrupted } from "../helpers/scenes/interrupted.ts";
import { temporaryDirectory } from "../helpers/temp.ts";

const KEPT = ["out.bin.bytehaul", "out.bin.part"];

test("64: another query, and so another file, does not take or destroy an unfinished one", async () => {
  await using dir = await temporaryDirectory();
  await using left = await Interrupted.leave(dir);
  left.server.set({ seed: 99 });
  await assert.rejects(left.resume({ url: `${left.server.url}?id=other` }), { code: "control_file" });
  assert.deepEqual(await dir.list(), KEPT);
});

test("a new query, as a new signature, goes on with the same file", async () => {
  await using dir = await temporaryDirectory();
  await using left = await Interrupted.leave(dir);
  const { resumedBytes } = await left.resume({ url: `${left.server.url}?signature=2` });
  assert.equal(resumedBytes, left.saved);
});

test("20: an answer without validators, as a login page, costs no progress", async () => {
  await using dir = await temporaryDirectory();
  await using left = await Interrupted.leave(dir);
  left.respond = () => ({ status: 200, etag: null, lastModified: null, body: "<html>log in</html>" });
  await assert.rejects(left.resume(), { code: "remote_changed" });
  assert.deepEqual(await dir.list(), KEPT);
  left.respond = () => undefined;
  assert.equal((await left.resume()).resumedBytes, left.saved);
});

test("18: what failed its checksum is not given the name by a run without one", async () => {
  await using dir = await temporaryDirectory();
  await using left = await Interrupted.leave(dir);
  await assert.rejects(left.resume({ checksum: `sha256:${"0".repeat(64)}` }), { code: "checksum_mismatch" });
  assert.deepEqual(await dir.list(), ["out.bin.mismatch"]);
});

test("a logger that throws does not end a download", async () => {
  await using dir = await temporaryDirectory();
  await using left = await Interrupted.leave(dir);
  left.server.set({ seed: 99 });
  await using downloader = new Downloader({
    logger: () => {
      throw new Error("from the logger");
    },
  });
  assert.equal((await downloader.download(left.spec).wait()).resumedBytes, 0);
});
