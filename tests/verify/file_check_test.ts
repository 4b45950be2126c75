import assert from "node:assert/strict";
import { test } from "node:test";
import { parseChecksum } from "../../src/options/checksum.ts";
import type { RuntimeFile } from "../../src/runtime/runtime.ts";
import { checkClaims, checkDigest, type FileCheck } from "../../src/verify/file_check.ts";
import { contentHash, writeContentFile } from "../../testing/content.ts";
import { Interrupted } from "../helpers/scenes/interrupted.ts";
import { fileWith, runtimeWith, systemError } from "../helpers/doubles/runtime_double.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../helpers/temp.ts";

const SIZE = 1_200_000;
const CHECKSUM = parseChecksum(`sha256:${contentHash(1, SIZE, "sha256")}`);

/** A check on files of which `change` makes others, and how many are open. */
function checkOf(
  path: string,
  change: (file: RuntimeFile) => Partial<RuntimeFile>,
): { check: FileCheck; open: () => number } {
  let open = 0;
  const runtime = runtimeWith({
    file: (file) => {
      open++;
      const counted = fileWith(file, { close: () => file.close().finally(() => open--) });
      return fileWith(counted, change(counted));
    },
  });
  return {
    check: { runtime, path, signal: new AbortController().signal, onProgress: () => {} },
    open: () => open,
  };
}

async function makeFile(dir: TemporaryDirectory): Promise<string> {
  await writeContentFile(dir.join("file"), 1, SIZE);
  return dir.join("file");
}

/** The nth call fails. */
function failing<A extends unknown[], T>(call: (...args: A) => Promise<T>, nth: number): typeof call {
  let calls = 0;
  return async (...args) => {
    if (++calls === nth) throw systemError("EIO");
    return await call(...args);
  };
}

const FAILURES: Readonly<Record<string, (file: RuntimeFile) => Partial<RuntimeFile>>> = {
  "the first read": (file) => ({ read: failing((...args) => file.read(...args), 1) }),
  "a later read": (file) => ({ read: failing((...args) => file.read(...args), 2) }),
  "looking at it": (file) => ({ stat: failing(() => file.stat(), 1) }),
  "looking at it afterwards": (file) => ({ stat: failing(() => file.stat(), 2) }),
};

for (const [what, change] of Object.entries(FAILURES)) {
  test(`where ${what} fails, a check of a file is an error of its storage, and the file is closed`, async () => {
    await using dir = await temporaryDirectory();
    const { check, open } = checkOf(await makeFile(dir), change);
    await assert.rejects(checkDigest(check, CHECKSUM, "checksum"), {
      name: "DownloadError",
      code: "storage",
    });
    assert.equal(open(), 0);
  });
}

/** Closes, and fails all the same. */
const badClose = (file: RuntimeFile): Partial<RuntimeFile> => ({
  close: () => file.close().then(() => Promise.reject(systemError("EIO"))),
});

test("what a check found stands, whatever comes of closing the file", async () => {
  await using dir = await temporaryDirectory();
  const { check, open } = checkOf(await makeFile(dir), badClose);
  const { matches } = await checkDigest(check, CHECKSUM, "checksum");
  assert.deepEqual([matches, open()], [true, 0]);
});

test("the same where claims are checked, of which a failed read is an error of the storage", async () => {
  await using dir = await temporaryDirectory();
  await using left = await Interrupted.leave(dir);
  const isPart = (change: (file: RuntimeFile) => Partial<RuntimeFile>) => {
    let files = 0;
    return (file: RuntimeFile) => ++files === 2 ? change(file) : {}; // the control file is the first
  };
  const closed = checkOf(left.path, isPart(badClose));
  assert.deepEqual([(await checkClaims(closed.check)).provenBytes, closed.open()], [left.saved, 0]);
  const unread = checkOf(
    left.path,
    isPart((file) => ({ read: failing((...args) => file.read(...args), 1) })),
  );
  await assert.rejects(checkClaims(unread.check), { name: "DownloadError", code: "storage" });
  assert.equal(unread.open(), 0);
});
