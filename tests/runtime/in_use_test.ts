import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { detectRuntime } from "../../src/runtime/detect.ts";
import { retryWhileInUse } from "../../src/runtime/in_use.ts";
import { systemError } from "../helpers/doubles/runtime_double.ts";
import { temporaryDirectory } from "../helpers/temp.ts";

const { files } = detectRuntime();

test("what fails because the file is in use is tried again", async () => {
  for (const code of ["EACCES", "EBUSY", "EPERM"]) {
    let tries = 0;
    const result = await retryWhileInUse(() =>
      ++tries < 3 ? Promise.reject(systemError(code)) : Promise.resolve("done")
    );
    assert.deepEqual([result, tries], ["done", 3]);
  }
});

test("what fails for another reason, or all the time, is an error", async () => {
  let tries = 0;
  const fail = (code: string) => () => {
    tries++;
    return Promise.reject(systemError(code));
  };
  await assert.rejects(retryWhileInUse(fail("ENOSPC")), { code: "ENOSPC" });
  assert.equal(tries, 1);
  await assert.rejects(retryWhileInUse(fail("EBUSY")), { code: "EBUSY" });
  assert.ok(tries > 3, `${tries}`);
});

test("a file that another program reads is replaced once that has closed it", async () => {
  await using dir = await temporaryDirectory();
  await writeFile(dir.join("new"), "new");
  await writeFile(dir.join("old"), "old");
  const reader = await files.open(dir.join("old"), "read");
  const renamed = files.rename(dir.join("new"), dir.join("old"));
  setTimeout(() => void reader.close(), 50);
  await renamed;
  assert.deepEqual(await dir.list(), ["old"]);
  assert.equal(await readFile(dir.join("old"), "utf8"), "new");
});
