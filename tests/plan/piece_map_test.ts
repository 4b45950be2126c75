import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { PieceMap } from "../../src/plan/piece_map.ts";
import type { ByteRange } from "../../src/types.ts";
import { contentBytes, seededRandom } from "../../testing/content.ts";

const range = (start: number, end: number): ByteRange => ({ start, end });

const CONTENT = contentBytes(1, 0, 2000);
const crcOf = ({ start, end }: ByteRange): number => crc32(CONTENT.subarray(start, end));

/** Cuts a range where pieces end. */
function cut({ start, end }: ByteRange, pieceSize: number): ByteRange[] {
  const parts: ByteRange[] = [];
  for (let at = start; at < end; at = parts.at(-1)!.end) {
    parts.push(range(at, Math.min(end, at + pieceSize - at % pieceSize)));
  }
  return parts;
}

/** Adds what a cache would: the parts of a range that lie in one piece each, and their CRCs. */
function add(map: PieceMap, whole: ByteRange): void {
  for (const part of cut(whole, map.pieceSize)) map.add(part, crcOf(part));
}

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

  add(whole: ByteRange, pieceSize: number): void {
    for (const { start, end } of cut(whole, pieceSize)) {
      if (!this.bytes.subarray(start, end).includes(1)) this.bytes.fill(1, start, end);
    }
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
  const known = [...map.known()];
  for (const it of known) assert.equal(it.crc, crcOf(it), `${what}: bytes ${it.start} to ${it.end}`);
  assert.deepEqual(known.map(({ start, end }) => range(start, end)), partsOf(map), what);
}

/** What is there, from what is missing. */
function partsOf(map: PieceMap): ByteRange[] {
  const gaps = [...map.missing(), range(map.size, map.size)];
  return gaps.flatMap(({ start }, index) => cut(range(gaps[index - 1]?.end ?? 0, start), map.pieceSize));
}

test("an empty map lacks everything", () => {
  const map = new PieceMap(250, 100);
  assert.deepEqual([map.size, map.doneBytes, map.frontier, map.isComplete], [250, 0, 0, false]);
  assert.deepEqual(map.missing(), [range(0, 250)]);
  assert.deepEqual(map.snapshot(), { bitmap: new Uint8Array(1), crcs: new Uint32Array(3), partial: [] });
});

test("a file without bytes is complete", () => {
  const map = new PieceMap(0, 100);
  assert.deepEqual([map.isComplete, map.frontier, map.missing()], [true, 0, []]);
});

test("a whole piece is one bit and a CRC, a part of one is a range with its own", () => {
  const map = new PieceMap(1000, 100);
  add(map, range(50, 330));
  add(map, range(900, 1000));
  const { bitmap, crcs, partial } = map.snapshot();
  assert.deepEqual([...bitmap], [0b0000_0110, 0b10]);
  const whole = [range(100, 200), range(200, 300), range(900, 1000)].map(crcOf);
  assert.deepEqual([...crcs], [0, whole[0], whole[1], 0, 0, 0, 0, 0, 0, whole[2]]);
  assert.deepEqual(
    partial,
    [range(50, 100), range(300, 330)].map((it) => ({ ...it, crc: crcOf(it) })),
  );
  assert.equal(map.doneBytes, 380);
  assert.deepEqual(map.missing(), [range(0, 50), range(330, 900)]);
});

test("a range of two pieces, or beyond the last one, is refused", () => {
  const map = new PieceMap(250, 100);
  for (const it of [range(99, 101), range(0, 250), range(200, 251)]) {
    assert.throws(() => map.add(it, crcOf(it)), RangeError);
  }
  assertSame(map, new Model(250), "after what was refused");
});

test("the last piece may be shorter", () => {
  const map = new PieceMap(250, 100);
  add(map, range(200, 250));
  assert.deepEqual(map.snapshot(), {
    bitmap: new Uint8Array([0b100]),
    crcs: new Uint32Array([0, 0, crcOf(range(200, 250))]),
    partial: [],
  });
  add(map, range(0, 200));
  assert.deepEqual([map.isComplete, map.frontier, map.missing()], [true, 250, []]);
});

test("frontier is the end of the longest prefix, within a piece too", () => {
  const map = new PieceMap(1000, 100);
  add(map, range(100, 200));
  assert.equal(map.frontier, 0);
  add(map, range(0, 40));
  assert.equal(map.frontier, 40);
  add(map, range(40, 100));
  assert.equal(map.frontier, 200);
  add(map, range(250, 300));
  assert.equal(map.frontier, 200);
  add(map, range(200, 250));
  assert.equal(map.frontier, 300);
});

test("a range that overlaps what is there adds nothing", () => {
  const map = new PieceMap(1000, 100);
  const model = new Model(1000);
  model.bytes.fill(1, 10, 20);
  add(map, range(10, 20));
  for (const it of [range(10, 20), range(5, 11), range(19, 30), range(0, 100), range(12, 15)]) {
    add(map, it);
    assertSame(map, model, `${it.start} to ${it.end}`);
  }
  map.add(range(30, 30), 0);
  assertSame(map, model, "an empty range");
});

test("ranges that touch become one, and a snapshot has them in order", () => {
  const map = new PieceMap(1000, 100);
  for (const it of [range(710, 720), range(730, 740), range(720, 730), range(350, 360), range(700, 710)]) {
    add(map, it);
  }
  assert.deepEqual(
    map.snapshot().partial,
    [range(350, 360), range(700, 740)].map((it) => ({ ...it, crc: crcOf(it) })),
  );
});

test("a file of unknown size is one piece whose end comes later", () => {
  const map = new PieceMap(Infinity, 100);
  assert.deepEqual(map.missing(), [range(0, Infinity)]);
  add(map, range(0, 150));
  add(map, range(150, 777));
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
  add(map, range(0, 130));
  map.clear();
  assertSame(map, new Model(250), "after clear()");
  add(map, range(0, 250));
  assert.equal(map.isComplete, true);
});

test("a snapshot stays as it is while the map goes on", () => {
  const map = new PieceMap(250, 100);
  add(map, range(0, 130));
  const snapshot = map.snapshot();
  add(map, range(0, 250));
  assert.deepEqual(snapshot, {
    bitmap: new Uint8Array([1]),
    crcs: new Uint32Array([crcOf(range(0, 100)), 0, 0]),
    partial: [{ ...range(100, 130), crc: crcOf(range(100, 130)) }],
  });
});

test("restore() takes up what a snapshot says", () => {
  const source = new PieceMap(1000, 100);
  const model = new Model(1000);
  for (const it of [range(0, 230), range(300, 400), range(520, 560), range(900, 1000)]) {
    add(source, it);
    model.add(it, 100);
  }
  const map = new PieceMap(1000, 100);
  map.restore(source.snapshot());
  assertSame(map, model, "restored");
});

test("restore() ignores bits behind the last piece", () => {
  const map = new PieceMap(250, 100);
  map.restore({ bitmap: new Uint8Array([0xff]), crcs: new Uint32Array([1, 2, 3]), partial: [] });
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
        const restored = new PieceMap(size, pieceSize);
        restored.restore(map.snapshot());
        map = restored;
      } else {
        const start = below(size);
        const it = range(start, Math.min(size, start + 1 + below(action < 0.3 ? size : pieceSize / 3)));
        add(map, it);
        model.add(it, pieceSize);
      }
      assertSame(map, model, `seed ${seed}, step ${step}`);
    }
  });
}
