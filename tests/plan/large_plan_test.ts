// A million pieces: whatever takes time for each piece at every step would not end here.
import assert from "node:assert/strict";
import { test } from "node:test";
import { PieceMap } from "../../src/plan/piece_map.ts";
import { Scheduler } from "../../src/plan/scheduler.ts";
import {
  BLOCK_SIZE,
  everySecondPiece,
  PIECE_SIZE,
  SimulatedDownload,
} from "../helpers/scenes/simulated_download.ts";

const PIECES = 1_000_000;
const WHOLE = [{ start: 0, end: PIECES * PIECE_SIZE }];

/** Takes all there is, and returns how often each block came. */
function run(download: SimulatedDownload): Uint8Array {
  const times = new Uint8Array(PIECES * PIECE_SIZE / BLOCK_SIZE);
  for (let block = download.next(); block !== undefined; block = download.next()) {
    assert.equal(block.end - block.start, BLOCK_SIZE);
    times[block.start / BLOCK_SIZE]!++;
  }
  return times;
}

test("a million pieces are leased, lost on the way and leased again, each block once", () => {
  const download = new SimulatedDownload(WHOLE);
  const times = run(download);
  assert.ok(times.every((count) => count === 1));
  assert.deepEqual([download.scheduler.isDone, download.peakLeases], [true, 16]);
});

test("half a million gaps are filled, each block once", () => {
  const times = run(new SimulatedDownload(everySecondPiece(PIECES)));
  assert.ok(times.every((count, block) => count === (block % 4 < 2 ? 1 : 0)));
});

test("a plan starts again with half a million gaps", () => {
  const scheduler = new Scheduler({ missing: WHOLE, minSegmentSize: PIECE_SIZE, pieceSize: PIECE_SIZE });
  scheduler.lease(0, 1);
  scheduler.restart(everySecondPiece(PIECES));
  const lease = scheduler.lease(0, 1);
  assert.deepEqual([lease?.start, lease?.end, scheduler.hasPending], [0, PIECE_SIZE, true]);
});

test("the frontier of a million pieces is asked for after each of them", () => {
  const map = new PieceMap(PIECES * PIECE_SIZE, PIECE_SIZE);
  let last = 0;
  for (let piece = 0; piece < PIECES; piece++) {
    map.add({ start: piece * PIECE_SIZE, end: (piece + 1) * PIECE_SIZE }, piece);
    last = map.frontier;
  }
  assert.deepEqual([last, map.isComplete, map.missing()], [PIECES * PIECE_SIZE, true, []]);
});

test("what is stored of a million pieces is little more than four bytes for each", () => {
  const { bitmap, crcs, partial } = new PieceMap(PIECES * PIECE_SIZE, PIECE_SIZE).snapshot();
  assert.deepEqual([bitmap.byteLength, crcs.byteLength, partial.length], [PIECES / 8, PIECES * 4, 0]);
});
