import assert from "node:assert/strict";
import { test } from "node:test";
import type { DownloadSpec } from "../../src/options/options.ts";
import { seededRandom } from "../../testing/content.ts";
import { isSame } from "../reliability/claims.ts";
import { MemoryFiles } from "../reliability/memory_files.ts";
import { type Call, type Ending, type Fate, runDownload } from "../reliability/memory_runtime.ts";
import { bytesOf, MemoryServer } from "../reliability/memory_server.ts";

const VERSION = { seed: 1, size: 1_500_000 };
const FINAL = "/out.bin";
const PART = `${FINAL}.part`;
const CONTROL = `${FINAL}.bytehaul`;
/** Disks that follow from each call. */
const DISKS = 8;

async function run(
  files: MemoryFiles,
  decide: (call: Call) => Fate,
  also: Partial<DownloadSpec> = {},
): Promise<Ending> {
  const spec = { outputPath: FINAL, pieceSize: 65_536, controlSaveIntervalMs: 1, ...also };
  return await runDownload({ files, server: new MemoryServer(VERSION), seed: 1, spec, decide });
}

/** What an earlier run left, some of it saved. */
async function interrupted(): Promise<MemoryFiles> {
  const files = new MemoryFiles("/");
  let saves = 0;
  await run(
    files,
    ({ name, path }) => name === "rename" && path === CONTROL && ++saves > 3 ? "stop" : undefined,
  );
  return files.crash(() => 0);
}

async function damaged(): Promise<MemoryFiles> {
  const files = await interrupted();
  files.put(CONTROL, Uint8Array.of(1, 2, 3));
  return files;
}

for (
  const [what, begin, spec] of [
    ["by order", interrupted, { resume: false }],
    ["because its control file is damaged", damaged, {}],
  ] as const
) {
  test(`53: a power loss while a download begins anew ${what} leaves what a later run finishes`, async () => {
    const random = seededRandom(1);
    let stops = 0;
    // Up to the first byte of the new part file.
    for (let isBeginning = true; isBeginning; stops++) {
      const files = await begin();
      const { kind, calls } = await run(
        files,
        ({ number }) => number === stops + 1 ? "stop" : undefined,
        spec,
      );
      assert.equal(kind, "stopped");
      isBeginning = calls.at(-1)!.name !== "write";
      for (let disk = 0; disk < DISKS; disk++) {
        const found = files.crash(random);
        const paths = found.list();
        assert.ok(!paths.includes(PART) || paths.includes(CONTROL), `after call ${stops + 1}: ${paths}`);
        const { error } = await run(found, () => undefined);
        assert.ok(isSame(found.peek(FINAL), bytesOf(VERSION)), `after call ${stops + 1}: ${error}`);
        assert.deepEqual(found.list().filter((path) => !path.endsWith(".bad")), [FINAL]);
      }
    }
    assert.ok(stops > 10, `only ${stops} calls`);
  });
}
