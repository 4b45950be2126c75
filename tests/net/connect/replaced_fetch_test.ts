import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Child } from "../../helpers/child.ts";
import { temporaryDirectory } from "../../helpers/temp.ts";
import { assertFileIs } from "../../../testing/content.ts";
import { FaultServer } from "../../../testing/mod.ts";

const FILE = { seed: 124, size: 300_000 } as const;
const SCRIPT = fileURLToPath(new URL("./replaced_fetch_child.ts", import.meta.url));

for (const when of ["before", "after"]) {
  test(`124 a fetch that was replaced ${when} bytehaul was loaded does no harm`, {
    timeout: 60_000,
  }, async () => {
    await using dir = await temporaryDirectory();
    await using server = await FaultServer.start(FILE);
    await using child = new Child(SCRIPT, [when, server.url, dir.path]);
    const { status, stdout, stderr } = await child.ended;
    assert.deepEqual([status, stderr], [0, ""]);
    const { calls, files } = JSON.parse(stdout);
    assert.equal(files, 6);
    for (let file = 1; file <= files; file++) await assertFileIs(dir.join(`${file}`), FILE.seed, FILE.size);
    // Only Deno's fetch is used at all, and one that is replaced later is not.
    assert.equal(calls, when === "before" && "Deno" in globalThis ? 3 : 0);
    assert.equal(server.requests.length, files);
  });
}
