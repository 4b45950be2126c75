import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { VERSION } from "../src/version.ts";

test("VERSION is the version that is published", async () => {
  const config = JSON.parse(await readFile(new URL("../deno.json", import.meta.url), "utf8"));
  assert.equal(VERSION, config.version);
});
