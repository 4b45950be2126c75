import assert from "node:assert/strict";
import { test } from "node:test";
import { segmentSize, type SegmentSizeInput } from "../../src/plan/segment_size.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** The size for 1 GiB over 4 connections, with changes. */
function size(changes: Partial<SegmentSizeInput> = {}): number {
  return segmentSize({
    remaining: 1024 * MIB,
    inFlight: 0,
    connections: 4,
    idle: 1,
    bytesPerSecond: 0,
    requestSeconds: 0,
    minSegmentSize: 256 * KIB,
    maxSegmentSize: Infinity,
    pieceSize: MIB,
    ...changes,
  });
}

test("a connection whose rate is not known takes one piece", () => {
  assert.equal(size(), MIB);
  assert.equal(size({ pieceSize: 4 * MIB }), 4 * MIB);
});

test("a connection takes what it can fetch in two seconds", () => {
  assert.equal(size({ bytesPerSecond: 5 * MIB }), 10 * MIB);
  assert.equal(size({ bytesPerSecond: 1_000_000.3 }), 2_000_001);
});

test("a segment is never above 64 MiB nor below the least", () => {
  assert.equal(size({ bytesPerSecond: 1e12 }), 64 * MIB);
  assert.equal(size({ bytesPerSecond: 1 }), 256 * KIB);
  assert.equal(size({ pieceSize: 16 * KIB }), 256 * KIB);
});

test("a connection takes no more than half of its share of what is still to come", () => {
  assert.equal(size({ remaining: 8 * MIB, bytesPerSecond: 100 * MIB }), MIB);
  assert.equal(size({ remaining: 8 * MIB, bytesPerSecond: 100 * MIB, connections: 8 }), MIB / 2);
  assert.equal(size({ remaining: 8 * MIB, inFlight: 8 * MIB, bytesPerSecond: 100 * MIB }), 2 * MIB);
});

test("a connection leaves something for those that have nothing", () => {
  const begun = { remaining: 3 * MIB, inFlight: 17 * MIB, bytesPerSecond: 100 * MIB };
  assert.equal(size({ ...begun, idle: 3 }), MIB);
  assert.equal(size({ ...begun, remaining: 2 * MIB, idle: 2 }), MIB);
  assert.equal(size({ ...begun, remaining: MIB }), MIB);
});

test("where requests take long, a lease lasts several times as long, up to the whole share", () => {
  const far = { bytesPerSecond: 10 * MIB, requestSeconds: 0.5 };
  assert.equal(size(far), 40 * MIB);
  assert.equal(size({ ...far, remaining: 120 * MIB }), 30 * MIB);
  assert.equal(size({ ...far, remaining: 20 * MIB, inFlight: 60 * MIB }), 20 * MIB);
  assert.equal(size({ ...far, bytesPerSecond: 0 }), 64 * MIB);
});

test("nothing below the least is left over", () => {
  assert.equal(size({ remaining: 400 * KIB }), 400 * KIB);
  assert.equal(size({ remaining: 512 * KIB }), 256 * KIB);
  assert.equal(size({ remaining: 512 * KIB - 1 }), 512 * KIB - 1);
  assert.equal(size({ remaining: 1 }), 1);
});

test("a lone connection takes everything", () => {
  assert.equal(size({ connections: 1 }), 1024 * MIB);
  assert.equal(size({ connections: 1, bytesPerSecond: 1 }), 1024 * MIB);
  assert.equal(size({ connections: 1, remaining: Infinity }), Infinity);
});

test("a file without an end is cut, too, where several connections share it", () => {
  assert.equal(size({ remaining: Infinity, bytesPerSecond: MIB }), 2 * MIB);
});

test("every size is a whole number that is there to take", () => {
  for (let remaining = 1; remaining < 3 * MIB; remaining += 12_345) {
    for (const connections of [1, 2, 3, 7, 256]) {
      const taken = size({ remaining, connections, bytesPerSecond: 123_456.78 });
      assert.ok(Number.isInteger(taken) && taken > 0 && taken <= remaining, `${taken} of ${remaining}`);
    }
  }
});

test("92 no segment is above the most that one request may ask for, whatever else there is", () => {
  assert.equal(size({ maxSegmentSize: 300_001 }), 300_001);
  assert.equal(size({ maxSegmentSize: 300_001, connections: 1 }), 300_001);
  assert.equal(size({ maxSegmentSize: 300_001, connections: 1, remaining: Infinity }), 300_001);
  assert.equal(size({ maxSegmentSize: 300_001, remaining: 300_000 }), 300_000);
  assert.equal(size({ maxSegmentSize: 1, bytesPerSecond: 100 * MIB }), 1);
  assert.equal(size({ maxSegmentSize: 100 * KIB, remaining: 400 * KIB }), 100 * KIB);
  assert.equal(size({ maxSegmentSize: 128 * MIB, bytesPerSecond: 1e12 }), 64 * MIB);
});
