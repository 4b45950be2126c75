import assert from "node:assert/strict";
import { test } from "node:test";
import { whereToSplit } from "../../src/plan/tail.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const MIN = 256 * KIB;

/** Where a connection of `own` bytes a second takes over the rest of 8 MiB that moves at `theirs`. */
function split(theirs: number, own: number, left = 8 * MIB): number | undefined {
  return whereToSplit({ position: MIB, end: MIB + left, bytesPerSecond: theirs }, own, MIN);
}

test("a lease that does not move is taken over whole", () => assert.equal(split(0, MIB), MIB));

test("a lease that hardly moves is taken over whole", () => assert.equal(split(KIB, MIB), MIB));

test("a lease of the same rate is halved", () => assert.equal(split(MIB, MIB), MIB + 4 * MIB));

test("a lease of three times the rate keeps three quarters", () => {
  assert.equal(split(3 * MIB, MIB, 32 * MIB), MIB + 24 * MIB);
});

test("what is nearly over is left alone", () => {
  assert.equal(split(10 * MIB, 10 * MIB, 2 * MIB), undefined);
  assert.equal(split(100 * MIB, MIB), undefined);
});

test("a connection without a rate takes half of a lease that does not move, or is slow", () => {
  assert.equal(split(0, 0), 5 * MIB);
  assert.equal(split(MIB, 0), 5 * MIB);
});

test("a connection without a rate leaves a fast lease and a small rest alone", () => {
  assert.equal(split(8 * MIB, 0), undefined);
  assert.equal(split(0, 0, 2 * MIN - 1), undefined);
});

test("nothing is left of a lease that has arrived", () => assert.equal(split(0, MIB, 0), undefined));

test("a small rest that does not move is taken over, too", () => assert.equal(split(0, MIB, 1000), MIB));

test("no part is smaller than a segment may be", () => {
  for (let theirs = 1; theirs < 4 * MIB; theirs += 99_991) {
    const at = split(theirs, MIB);
    if (at === undefined) continue;
    const kept = at - MIB;
    assert.ok(kept === 0 || kept >= MIN, `${theirs}: kept ${kept}`);
    assert.ok(9 * MIB - at >= MIN, `${theirs}: took ${9 * MIB - at}`);
  }
});
