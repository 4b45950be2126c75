import assert from "node:assert/strict";
import { test } from "node:test";
import { PieceMap } from "../../src/plan/piece_map.ts";
import type { ByteRange } from "../../src/types.ts";
import { seededRandom } from "../helpers/content.ts";

const range = (start: number, end: number): ByteRange => ({ start, end });

/** Says the same as a `PieceMap`, from an array with one element for each byte. */
class Model {
  readonly bytes: Uint8Array;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
  }

  get doneBytes(): number {
    return this.bytes.reduce((sum, byte) => sum + byte, 0);
  }

  get frontier(): number {
    const gap = this.bytes.indexOf(0);
    return gap < 0 ? this.bytes.length : gap;
  }

  missing(): ByteRange[] {
    const gaps: ByteRange[] = [];
    for (let start = this.bytes.indexOf(0); start >= 0; start = this.bytes.indexOf(0, gaps.at(-1)!.end)) {
      const end = this.bytes.indexOf(1, start);
      gaps.push(range(start, end < 0 ? this.bytes.length : end));
    }
    return gaps;
  }
}

function assertSame(map: PieceMap, model: Model, what: string): void {
  assert.deepEqual(
    {
      doneBytes: map.doneBytes,
      frontier: map.frontier,
      isComplete: map.isComplete,
      missing: map.missing(),
    },
    {
      doneBytes: model.doneBytes,
      frontier: model.frontier,
      isComplete: model.doneBytes === model.bytes.length,
      missing: model.missing(),
    },
    what,
  );
}

test("an empty map lacks everything", () => {
  const map = new PieceMap(250, 100);
  assert.deepEqual([map.size, map.doneBytes, map.frontier, map.isComplete], [250, 0, 0, false]);
  assert.deepEqual(map.missing(), [range(0, 250)]);
  assert.deepEqual(map.snapshot(), { bitmap: new Uint8Array(1), partial: [] });
});

test("a file without bytes is complete", () => {
  const map = new PieceMap(0, 100);
  assert.deepEqual([map.isComplete, map.frontier, map.missing()], [true, 0, []]);
});

test("a whole piece is one bit, a part of one is a range", () => {
  const map = new PieceMap(1000, 100);
  map.add(range(50, 330));
  map.add(range(900, 1000));
  const { bitmap, partial } = map.snapshot();
  assert.deepEqual([...bitmap], [0b0000_0110, 0b10]);
  assert.deepEqual(partial, [range(50, 100), range(300, 330)]);
  assert.equal(map.doneBytes, 380);
  assert.deepEqual(map.missing(), [range(0, 50), range(330, 900)]);
});

test("the last piece may be shorter", () => {
  const map = new PieceMap(250, 100);
  map.add(range(200, 250));
  assert.deepEqual(map.snapshot(), { bitmap: new Uint8Array([0b100]), partial: [] });
  map.add(range(0, 200));
  assert.deepEqual([map.isComplete, map.frontier, map.missing()], [true, 250, []]);
});

test("frontier is the end of the longest prefix, within a piece too", () => {
  const map = new PieceMap(1000, 100);
  map.add(range(100, 200));
  assert.equal(map.frontier, 0);
  map.add(range(0, 40));
  assert.equal(map.frontier, 40);
  map.add(range(40, 100));
  assert.equal(map.frontier, 200);
  map.add(range(250, 300));
  assert.equal(map.frontier, 200);
  map.add(range(200, 251));
  assert.equal(map.frontier, 300);
});

test("bytes that were there before count once", () => {
  const map = new PieceMap(1000, 100);
  for (
    const it of [range(10, 20), range(10, 20), range(5, 15), range(18, 30), range(0, 100), range(40, 60)]
  ) {
    map.add(it);
  }
  assert.equal(map.doneBytes, 100);
  assert.deepEqual(map.snapshot().partial, []);
});

test("ranges that touch become one, and a snapshot has them in order", () => {
  const map = new PieceMap(1000, 100);
  for (const it of [range(710, 720), range(720, 730), range(700, 710), range(350, 360), range(520, 530)]) {
    map.add(it);
  }
  assert.deepEqual(map.snapshot().partial, [range(350, 360), range(520, 530), range(700, 730)]);
});

test("a file of unknown size is one piece whose end comes later", () => {
  const map = new PieceMap(Infinity, 100);
  assert.deepEqual(map.missing(), [range(0, Infinity)]);
  map.add(range(0, 150));
  map.add(range(150, 777));
  assert.deepEqual([map.doneBytes, map.frontier, map.isComplete], [777, 777, false]);
  assert.deepEqual(map.missing(), [range(777, Infinity)]);
  map.endAt(777);
  assert.deepEqual([map.size, map.frontier, map.isComplete, map.missing()], [777, 777, true, []]);
});

test("a file of unknown size may turn out empty", () => {
  const map = new PieceMap(Infinity, 100);
  map.endAt(0);
  assert.deepEqual([map.size, map.frontier, map.isComplete, map.missing()], [0, 0, true, []]);
});

test("clear() forgets everything", () => {
  const map = new PieceMap(250, 100);
  map.add(range(0, 130));
  map.clear();
  assertSame(map, new Model(250), "after clear()");
  map.add(range(0, 250));
  assert.equal(map.isComplete, true);
});

test("a snapshot stays as it is while the map goes on", () => {
  const map = new PieceMap(250, 100);
  map.add(range(0, 130));
  const snapshot = map.snapshot();
  map.add(range(0, 250));
  assert.deepEqual(snapshot, { bitmap: new Uint8Array([1]), partial: [range(100, 130)] });
});

test("restore() takes up what lies before the limit", () => {
  const source = new PieceMap(1000, 100);
  for (const it of [range(0, 230), range(300, 400), range(520, 560), range(900, 1000)]) source.add(it);
  for (const limit of [0, 1, 99, 100, 229, 230, 231, 350, 530, 1000, Infinity]) {
    const map = new PieceMap(1000, 100);
    map.restore(source.snapshot(), limit);
    const model = new Model(1000);
    for (const [start, end] of [[0, 230], [300, 400], [520, 560], [900, 1000]] as const) {
      if (start < limit) model.bytes.fill(1, start, Math.min(end, limit));
    }
    assertSame(map, model, `limit ${limit}`);
  }
});

test("restore() ignores bits behind the last piece", () => {
  const map = new PieceMap(250, 100);
  map.restore({ bitmap: new Uint8Array([0xff]), partial: [] }, Infinity);
  assert.deepEqual([map.doneBytes, map.isComplete], [250, true]);
  assert.deepEqual([...map.snapshot().bitmap], [0b111]);
});

for (
  const [seed, size, pieceSize] of [
    [1, 1000, 64],
    [2, 997, 100],
    [3, 64, 64],
    [4, 513, 512],
    [5, 300, 1000],
    [6, 99, 1],
  ] as const
) {
  test(`a map of ${size} bytes in pieces of ${pieceSize} says what a plain array says`, () => {
    const random = seededRandom(seed);
    const below = (limit: number) => Math.floor(random() * limit);
    let map = new PieceMap(size, pieceSize);
    const model = new Model(size);
    for (let step = 0; step < 400; step++) {
      const action = random();
      if (action < 0.02) {
        map.clear();
        model.bytes.fill(0);
      } else if (action < 0.1) {
        const limit = below(size * 1.2);
        const restored = new PieceMap(size, pieceSize);
        restored.restore(map.snapshot(), limit);
        model.bytes.fill(0, limit);
        map = restored;
      } else {
        const start = below(size);
        const end = Math.min(size, start + 1 + below(action < 0.3 ? size : pieceSize));
        map.add(range(start, end));
        model.bytes.fill(1, start, end);
      }
      assertSame(map, model, `seed ${seed}, step ${step}`);
    }
  });
}
