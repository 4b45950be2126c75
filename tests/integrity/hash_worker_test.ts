import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { CHECKSUM_ALGORITHMS } from "../../src/options/checksum.ts";
import { createHasher, createLocalHasher } from "../../src/integrity/hash_worker.ts";
import { contentBytes, contentHash } from "../../testing/content.ts";
import { FakeWorkers } from "../helpers/doubles/fake_worker.ts";

const kinds = { "on a thread of its own": createHasher, "on this thread": createLocalHasher };

for (const [where, create] of Object.entries(kinds)) {
  test(`a digest ${where} is that of node:crypto, for every algorithm`, async () => {
    for (const algorithm of CHECKSUM_ALGORITHMS) {
      const hasher = create(algorithm);
      for (const [start, end] of [[0, 100_000], [100_000, 100_001], [100_001, 250_000]] as const) {
        await hasher.update(contentBytes(1, start, end));
      }
      assert.equal(await hasher.digest(), contentHash(1, 250_000, algorithm), algorithm);
    }
  });

  test(`a digest of nothing ${where}`, async () => {
    assert.equal(await create("sha256").digest(), createHash("sha256").digest("hex"));
  });

  test(`memory that was lent ${where} comes back, all of it`, async () => {
    const hasher = create("md5");
    const memory = contentBytes(1, 0, 1000);
    const back = await hasher.update(memory.subarray(100, 300));
    assert.deepEqual(back, contentBytes(1, 100, 300));
    assert.deepEqual(new Uint8Array(back.buffer), contentBytes(1, 0, 1000));
    assert.equal(await hasher.digest(), createHash("md5").update(contentBytes(1, 100, 300)).digest("hex"));
  });
}

test("memory that is lent to a thread is not copied", async () => {
  const hasher = createHasher("md5");
  const memory = new Uint8Array(1000);
  const update = hasher.update(memory);
  assert.equal(memory.length, 0, "it is away");
  assert.equal((await update).length, 1000);
  hasher.close();
});

test("80: close() makes what is under way reject, and everything after it", async () => {
  const hasher = createHasher("sha512");
  const update = hasher.update(new Uint8Array(50_000_000));
  hasher.close();
  await assert.rejects(update, /was stopped/);
  await assert.rejects(hasher.update(new Uint8Array(10)), /was stopped/);
  await assert.rejects(hasher.digest(), /was stopped/);
  hasher.close();
});

test("what a thread cannot do is a rejection, and no crash", async () => {
  const hasher = createHasher("no such algorithm");
  await assert.rejects(hasher.update(new Uint8Array(10)), /^HashThreadError: The hash thread failed/);
  await assert.rejects(hasher.digest(), /^HashThreadError: The hash thread failed/);
  hasher.close();
});

test("where no thread can be had the work is done on this one", async () => {
  using _ = new FakeWorkers({ isMissing: true });
  const hasher = createHasher("sha256");
  await hasher.update(contentBytes(1, 0, 1000));
  assert.equal(await hasher.digest(), contentHash(1, 1000, "sha256"));
});

test("a thread ends with its digest", async () => {
  using workers = new FakeWorkers({});
  const hasher = createHasher("sha256");
  await hasher.update(contentBytes(1, 0, 1000));
  assert.equal(workers.running, 1);
  assert.equal(await hasher.digest(), contentHash(1, 1000, "sha256"));
  assert.equal(workers.running, 0);
});
