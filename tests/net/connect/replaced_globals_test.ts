import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Child } from "../../helpers/child.ts";
import { temporaryDirectory } from "../../helpers/temp.ts";
import { assertFileIs } from "../../../testing/content.ts";
import { FaultServer } from "../../../testing/mod.ts";

const FILE = { seed: 124, size: 300_000 } as const;
const SCRIPT = fileURLToPath(new URL("./replaced_globals_child.ts", import.meta.url));

for (const when of ["before", "after"]) {
  test(`124 a fetch that was replaced ${when} bytehaul was loaded, and fake timers, do no harm`, {
    timeout: 60_000,
  }, async () => {
    await using dir = await temporaryDirectory();
    // Every other request fails, so that each download waits for a retry.
    await using server = await FaultServer.start({
      ...FILE,
      respond: ({ index }) => index % 2 === 0 ? { status: 503 } : undefined,
    });
    await using child = new Child(SCRIPT, [when, server.url, dir.path]);
    const { status, stdout, stderr } = await child.ended;
    assert.deepEqual([status, stderr], [0, ""]);
    const { fetch, timers, files } = JSON.parse(stdout);
    assert.equal(files, 6);
    // The idle sockets of Bun have timers of their own.
    if (!("Bun" in globalThis)) assert.equal(timers, 0);
    for (let file = 1; file <= files; file++) await assertFileIs(dir.join(`${file}`), FILE.seed, FILE.size);
    // Only Deno's fetch is used at all, and one that is replaced later is not.
    if (when === "after" || !("Deno" in globalThis)) assert.equal(fetch, 0);
    assert.equal(server.requests.length, 2 * files);
  });
}
