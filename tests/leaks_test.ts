import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { mkdir, readdir } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Downloader } from "../mod.ts";
import { Child } from "./helpers/child.ts";
import { contentHash } from "./helpers/content.ts";
import { FaultServer, type RecordedRequest, type Reply } from "./helpers/fault_server.ts";
import { queueOn, runtimeWith, systemError } from "./helpers/runtime_double.ts";
import { Scene } from "./helpers/scene.ts";
import { temporaryDirectory } from "./helpers/temp.ts";
import { until } from "./helpers/until.ts";
import type { Report } from "./leaks_child.ts";

const SEED = 19;
const SIZE = 1_300_000;
const CHILD = fileURLToPath(new URL("leaks_child.ts", import.meta.url));

/** What the child asks for decides what it gets. */
function replyTo({ path, index, range }: RecordedRequest): Reply {
  const kind = path.split("/")[1];
  switch (kind) {
    case "without-ranges":
      return { status: 200 };
    case "breaks":
      return index % 2 === 0 ? { cutAfter: 40_000 } : {};
    case "breaks-always":
      return { cutAfter: 0 };
    case "missing":
      return { status: 404 };
    case "lies":
      return range?.start === 0 ? {} : { headers: { "Content-Range": `bytes 0-9/${SIZE}` } };
    case "silent":
      return { silentAfter: 50_000 };
    case "never":
      return { never: true };
    case "slow":
      return { throttle: 1_000_000 };
    case "unavailable":
      return { status: 503, headers: { "Retry-After": "20" } };
    default:
      return {};
  }
}

for (const seed of [1, 2]) {
  test(
    `60 downloads that end in all sorts of ways leave nothing behind (seed ${seed})`,
    { timeout: 60_000 },
    async () => {
      await using dir = await temporaryDirectory();
      await mkdir(dir.join("out"));
      // No connection outlives its request, so that one that is open belongs to a request that was forgotten.
      let openAtEnd = NaN;
      const respond = (request: RecordedRequest): Reply => {
        if (request.path === "/census") openAtEnd = server.openConnections - 1;
        const reply = replyTo(request);
        return { ...reply, headers: { ...reply.headers, Connection: "close" } };
      };
      await using server = await FaultServer.start({ size: SIZE, seed: SEED, respond });
      const checksum = `sha256:${contentHash(SEED, SIZE, "sha256")}`;
      const { origin } = new URL(server.url);
      await using child = new Child(CHILD, [origin, dir.join("out"), checksum, String(seed)]);
      const { status, stdout, stderr } = await child.ended;
      deepStrictEqual([status, stderr], [0, ""]);

      const { states, descriptors, workers, objectUrls } = JSON.parse(stdout) as Report;
      strictEqual(Object.values(states).reduce((sum, count) => sum + count, 0), 60);
      deepStrictEqual(Object.keys(states).sort(), ["cancelled", "completed", "failed", "paused"]);
      if (descriptors !== undefined) deepStrictEqual(descriptors.after, descriptors.before);
      ok(workers.started > 5, `only ${workers.started} hash threads`);
      strictEqual(workers.ended, workers.started);
      strictEqual(objectUrls.revoked, objectUrls.created);
      strictEqual(openAtEnd, 0);

      const left = new Set(await readdir(dir.join("out")));
      for (const name of left) {
        const [, base = "", suffix = ""] = /^([^.]+\.bin)(.*)$/.exec(name) ?? [];
        ok(["", ".part", ".bytehaul"].includes(suffix), `${name} was left`);
        if (suffix !== "") ok(left.has(`${base}.part`) && left.has(`${base}.bytehaul`), `${name} is alone`);
      }
    },
  );
}

test("a downloader that is closed leaves no idle connection open", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: SIZE, seed: SEED });
  {
    await using downloader = new Downloader({ defaults: { minSplitSize: 0, minSegmentSize: 16_384 } });
    const handles = [1, 2, 3].map((number) =>
      downloader.download({ url: server.url, outputPath: dir.join(`${number}`) })
    );
    await Promise.all(handles.map((handle) => handle.wait()));
    ok(server.openConnections > 0, "nothing was kept for the next request");
  }
  await until(() => server.openConnections === 0);
});

test("a part file that cannot be opened for hashing: the response is closed, and nothing is left", async () => {
  const { files } = runtimeWith({});
  const runtime = runtimeWith({
    files: {
      open: (path, mode) => mode === "read" ? Promise.reject(systemError("EMFILE")) : files.open(path, mode),
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
