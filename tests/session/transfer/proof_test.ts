import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { PieceMap } from "../../../src/plan/piece_map.ts";
import { Proof, type ProofReader } from "../../../src/session/transfer/proof.ts";
import type { ByteRange } from "../../../src/types.ts";
import { contentBytes } from "../../../testing/content.ts";

const PIECE = 1000;
const SIZE = 400 * PIECE;

/** Claims of a file whose pieces `wrong` have other bytes on disk. */
class Scene {
  readonly content = contentBytes(1, 0, SIZE);
  readonly claimed = new PieceMap(SIZE, PIECE);
  /** The offsets that were read. */
  readonly reads: number[] = [];
  readonly controller = new AbortController();
  onRead = () => {};

  constructor(claims: readonly ByteRange[], wrong: readonly number[] = []) {
    for (const { start, end } of claims) {
      for (let at = start; at < end;) {
        const pieceEnd = Math.min(end, at - at % PIECE + PIECE);
        this.claimed.add({ start: at, end: pieceEnd }, crc32(this.content.subarray(at, pieceEnd)));
        at = pieceEnd;
      }
    }
    for (const piece of wrong) this.content[piece * PIECE + 7]! ^= 1;
  }

  get reader(): ProofReader {
    const read = (buffer: Uint8Array, position: number) => {
      this.reads.push(position);
      this.onRead();
      const part = this.content.subarray(position, position + buffer.length);
      buffer.set(part);
      return Promise.resolve(part.length);
    };
    return { file: { read }, buffer: new Uint8Array(300), signal: this.controller.signal };
  }

  get piecesRead(): number[] {
    return [...new Set(this.reads.map((position) => Math.floor(position / PIECE)))];
  }
}

const starts = (ranges: Iterable<ByteRange>) => [...ranges].map(({ start }) => start / PIECE);
const NO_REPORTS = { onProven: () => {}, onWrong: () => {} };

test("before the first request only the overlap is read", async () => {
  const scene = new Scene([{ start: 0, end: 200_000 }, { start: 300_000, end: SIZE }]);
  const proof = new Proof(scene.claimed, SIZE);
  await proof.proveOverlap(scene.reader);
  assert.deepEqual(scene.piecesRead, Array.from({ length: 66 }, (_, index) => 199 - index));
  assert.equal(proof.proven.doneBytes, 66_000);
  assert.deepEqual(proof.possible.missing(), [{ start: 200_000, end: 300_000 }]);
  assert.equal(proof.isOver, false);
  scene.reads.length = 0;
  await proof.run(scene.reader, NO_REPORTS);
  assert.equal(scene.piecesRead.length, 300 - 66);
  assert.deepEqual([proof.isOver, proof.proven.doneBytes], [true, 300_000]);
  assert.match(proof.outcome.text, /^0 of its 300000 recorded bytes are wrong/);
});

test("an overlap that is wrong is a gap, and the next one is taken", async () => {
  const scene = new Scene([{ start: 0, end: 200_000 }], [199, 150]);
  const proof = new Proof(scene.claimed, SIZE);
  await proof.proveOverlap(scene.reader);
  assert.deepEqual(proof.possible.missing(), [
    { start: 150_000, end: 151_000 },
    { start: 199_000, end: SIZE },
  ]);
  const wrong: ByteRange[] = [];
  await proof.run(scene.reader, { ...NO_REPORTS, onWrong: (range) => wrong.push(range) });
  assert.deepEqual([wrong, proof.proven.doneBytes, proof.outcome.isRight], [[], 198_000, false]);
});

test("a part file of another content is checked before the first request, as there is nothing to resume", async () => {
  const scene = new Scene([{ start: 0, end: 50_000 }], Array.from({ length: 50 }, (_, piece) => piece));
  const proof = new Proof(scene.claimed, SIZE);
  await proof.proveOverlap(scene.reader);
  assert.deepEqual([proof.isOver, proof.possible.doneBytes, proof.proven.doneBytes], [true, 0, 0]);
  assert.match(proof.outcome.text, /^50000 of its 50000 recorded bytes/);
});

test("a complete file is checked before anything else", async () => {
  const scene = new Scene([{ start: 0, end: SIZE }], [3]);
  const proof = new Proof(scene.claimed, SIZE);
  await proof.proveOverlap(scene.reader);
  assert.ok(proof.isOver);
  assert.deepEqual(proof.possible.missing(), [{ start: 3000, end: 4000 }]);
});

test("ranges beyond the end of the part file are wrong, and not read", async () => {
  const scene = new Scene([{ start: 0, end: 100_000 }]);
  const proof = new Proof(scene.claimed, 40_500);
  assert.deepEqual(proof.possible.missing(), [{ start: 40_000, end: SIZE }]);
  await proof.proveAll(scene.reader);
  assert.equal(Math.max(...scene.piecesRead), 39);
  assert.match(proof.outcome.text, /^60000 of its 100000 recorded bytes/);
});

test("wrong ranges are reported in their order, and each range once", async () => {
  const scene = new Scene([{ start: 0, end: 20_000 }, { start: 30_000, end: 40_500 }], [0, 5, 6, 33]);
  const proof = new Proof(scene.claimed, SIZE);
  const [right, wrong]: [ByteRange[], ByteRange[]] = [[], []];
  await proof.run(scene.reader, {
    onProven: (range) => right.push(range),
    onWrong: (range) => wrong.push(range),
  });
  assert.deepEqual(starts(wrong), [0, 5, 6, 33]);
  assert.equal(right.length, 31 - 4);
  assert.deepEqual([...proof.proven.known()].length, 27);
});

test("what was not checked is what is left, at every moment", async () => {
  const scene = new Scene([{ start: 0, end: 100_000 }, { start: 200_000, end: 210_000 }]);
  const proof = new Proof(scene.claimed, SIZE);
  await proof.proveOverlap(scene.reader);
  let before = [...proof.unproven()].length;
  const seen: number[] = [];
  await proof.run(scene.reader, {
    ...NO_REPORTS,
    onProven: ({ start }) => {
      const left = [...proof.unproven()];
      assert.equal(left.length, before - 1);
      assert.ok(!left.some((range) => range.start === start));
      before--;
      seen.push(start);
    },
  });
  assert.deepEqual([before, [...proof.unproven()].length], [0, 0]);
  assert.deepEqual(seen, seen.toSorted((one, other) => one - other));
});

test("80: an abort ends it after the read that runs, and keeps what was proven", async () => {
  const scene = new Scene([{ start: 0, end: 100_000 }]);
  const proof = new Proof(scene.claimed, SIZE);
  scene.onRead = () => {
    if (scene.reads.length === 10) scene.controller.abort(new Error("stopped"));
  };
  await assert.rejects(proof.run(scene.reader, NO_REPORTS), /stopped/);
  assert.equal(scene.reads.length, 10);
  assert.equal(proof.proven.doneBytes + [...proof.unproven()].length * PIECE, 100_000);
});

test("what was forgotten is not proven any more", async () => {
  const scene = new Scene([{ start: 0, end: 100_000 }]);
  const proof = new Proof(scene.claimed, SIZE);
  scene.onRead = () => {
    if (scene.reads.length === 10) proof.forget();
  };
  await proof.run(scene.reader, { ...NO_REPORTS, onProven: ({ start }) => assert.ok(start < 3000) });
  assert.deepEqual([[...proof.unproven()], proof.isOver], [[], true]);
});
