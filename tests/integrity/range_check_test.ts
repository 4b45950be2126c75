import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { holdsRange } from "../../src/integrity/range_check.ts";
import type { RuntimeFile } from "../../src/runtime/runtime.ts";
import { contentBytes } from "../../testing/content.ts";
import { stubFile } from "../helpers/doubles/runtime_double.ts";

const SEED = 1;
const RANGE = { start: 1000, end: 9000, crc: crc32(contentBytes(SEED, 1000, 9000)) };
const never = (): AbortSignal => new AbortController().signal;

/** A file in memory that gives at most `most` bytes at once. */
function fileOf(bytes: Uint8Array, most = Infinity, onRead: () => void = () => {}): RuntimeFile {
  const read = (buffer: Uint8Array, position: number) => {
    onRead();
    const found = bytes.subarray(position, position + Math.min(buffer.length, most));
    buffer.set(found);
    return Promise.resolve(found.length);
  };
  return stubFile({ read });
}

for (const [buffer, most] of [[1, 1], [999, Infinity], [4096, 100], [8000, Infinity], [65_536, Infinity]]) {
  test(`a range is read through a buffer of ${buffer} bytes, where reads give up to ${most}`, async () => {
    const bytes = contentBytes(SEED, 0, 10_000);
    const holds = () => holdsRange(fileOf(bytes, most), RANGE, new Uint8Array(buffer!), never());
    assert.equal(await holds(), true);
    for (const position of [999, 9000]) bytes[position]! ^= 1;
    assert.equal(await holds(), true, "bytes beside the range mean nothing");
    for (const position of [1000, 5000, 8999]) {
      bytes[position]! ^= 1;
      assert.equal(await holds(), false, `byte ${position}`);
      bytes[position]! ^= 1;
    }
  });
}

test("46: a range that the file does not reach is not there", async () => {
  for (const length of [0, 1000, 8999]) {
    const file = fileOf(contentBytes(SEED, 0, length));
    assert.equal(await holdsRange(file, RANGE, new Uint8Array(4096), never()), false);
  }
});

test("80: an abort is heeded before the next read, with its reason", async () => {
  const stop = new AbortController();
  let reads = 0;
  const file = fileOf(contentBytes(SEED, 0, 10_000), Infinity, () => {
    if (++reads === 2) stop.abort(new Error("enough"));
  });
  await assert.rejects(holdsRange(file, RANGE, new Uint8Array(1000), stop.signal), /^Error: enough$/);
  assert.equal(reads, 2);
});
