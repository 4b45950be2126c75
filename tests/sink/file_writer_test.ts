import assert from "node:assert/strict";
import { test } from "node:test";
import { DownloadError } from "../../src/errors.ts";
import type { RuntimeFile } from "../../src/runtime/runtime.ts";
import { FileWriter } from "../../src/sink/file_writer.ts";
import { systemError } from "../helpers/doubles/runtime_double.ts";
import { settle } from "../helpers/doubles/virtual_clock.ts";

const PATH = "/x/out.bin.part";

/** A file whose writes end when the test says so. */
class SlowFile {
  size = 0;
  stats = 0;
  readonly writes: { readonly position: number; readonly length: number }[] = [];
  #current: PromiseWithResolvers<void> | undefined;

  readonly file = {
    stat: () => {
      this.stats++;
      return Promise.resolve({ size: this.size });
    },
    truncate: (size: number) => {
      this.size = size;
      return Promise.resolve();
    },
    write: (data: Uint8Array, position: number) => {
      assert.equal(this.#current, undefined, "one write at a time");
      this.writes.push({ position, length: data.length });
      this.#current = Promise.withResolvers<void>();
      return this.#current.promise.finally(() => this.#current = undefined);
    },
  } as unknown as RuntimeFile;

  /** Ends the write under way, and lets the next one begin. */
  async end(error?: Error): Promise<void> {
    const { position, length } = this.writes.at(-1)!;
    if (error === undefined) {
      this.size = Math.max(this.size, position + length);
      this.#current!.resolve();
    } else this.#current!.reject(error);
    await settle();
  }
}

const bytes = (length: number): Uint8Array => new Uint8Array(length);
const unexpected = (error: unknown): void => assert.fail(`no failure was expected: ${error}`);

function writerOf(
  slow: SlowFile,
  onFailure: (error: unknown) => void = unexpected,
  finalSize: number | undefined = undefined,
): FileWriter {
  return new FileWriter({ file: slow.file, path: PATH, size: slow.size, finalSize, onFailure });
}

test("writes are made one after the other, in the order in which they came, and acknowledged", async () => {
  const slow = new SlowFile();
  const writer = writerOf(slow);
  const done: string[] = [];
  for (const [name, position] of [["a", 500], ["b", 0], ["c", 90]] as const) {
    writer.write(bytes(10), position, (written) => done.push(`${name} ${written}`));
  }
  await settle();
  assert.deepEqual([slow.writes, done], [[{ position: 500, length: 10 }], []]);
  await slow.end();
  assert.deepEqual(done, ["a true"]);
  await slow.end();
  await slow.end();
  assert.deepEqual(done, ["a true", "b true", "c true"]);
  assert.deepEqual(slow.writes.map(({ position }) => position), [500, 0, 90]);
});

test("settle() waits for the writes that were queued before it", async () => {
  const slow = new SlowFile();
  const writer = writerOf(slow);
  await writer.settle();
  writer.write(bytes(1), 0, () => {});
  writer.write(bytes(1), 1, () => {});
  let isSettled = false;
  const settled = writer.settle().then(() => isSettled = true);
  writer.write(bytes(1), 2, () => {});
  await settle();
  await slow.end();
  assert.equal(isSettled, false);
  await slow.end();
  assert.equal(isSettled, true);
  await settled;
  await slow.end();
  assert.equal(slow.writes.length, 3, "what is only waited for writes nothing");
});

test("a writer can be used again after it had nothing to do", async () => {
  const slow = new SlowFile();
  const writer = writerOf(slow);
  for (let round = 0; round < 3; round++) {
    const done: boolean[] = [];
    writer.write(bytes(1), round, (written) => done.push(written));
    await settle();
    await slow.end();
    await writer.settle();
    assert.deepEqual(done, [true]);
  }
});

test("a write that is asked for in an acknowledgement is made, too", async () => {
  const slow = new SlowFile();
  const writer = writerOf(slow);
  const done: string[] = [];
  writer.write(bytes(1), 0, () => writer.write(bytes(1), 1, (written) => done.push(`second ${written}`)));
  await settle();
  await slow.end();
  await slow.end();
  assert.deepEqual(done, ["second true"]);
});

test("a write that is asked for shortly after the last one was done is made, too", async () => {
  for (let ticks = 0; ticks < 10; ticks++) {
    const slow = new SlowFile();
    const writer = writerOf(slow);
    const writeLater = async () => {
      for (let tick = 0; tick < ticks; tick++) await Promise.resolve();
      writer.write(bytes(1), 1, () => {});
    };
    writer.write(bytes(1), 0, () => void writeLater());
    await settle();
    await slow.end();
    assert.equal(slow.writes.length, 2, `it was asked for ${ticks} microtasks later`);
    await slow.end();
  }
});

test("41: after a failed write nothing more is written, and it is told once", async () => {
  const slow = new SlowFile();
  const failures: unknown[] = [];
  const writer = writerOf(slow, (error) => failures.push(error));
  const done: boolean[] = [];
  for (let position = 0; position < 4; position++) {
    writer.write(bytes(1), position, (written) => done.push(written));
  }
  await settle();
  await slow.end();
  await slow.end(systemError("ENOSPC"));
  assert.deepEqual(done, [true, false, false, false]);
  assert.equal(slow.writes.length, 2);
  writer.write(bytes(1), 9, (written) => done.push(written));
  await assert.rejects(writer.settle(), (error: unknown) => {
    assert.ok(error instanceof DownloadError);
    assert.equal(error.code, "disk_full");
    assert.match(error.message, /^Cannot write "\/x\/out\.bin\.part": no space left/);
    assert.deepEqual(failures, [error]);
    return true;
  });
  assert.deepEqual([done.length, slow.writes.length], [5, 2]);
  await assert.rejects(writer.settle());
});

/** Matches the error of a file that another program changed. */
function isForeign(error: unknown): true {
  assert.ok(error instanceof DownloadError);
  assert.equal(error.code, "storage");
  assert.match(error.message, /^Cannot write "\/x\/out\.bin\.part": it was changed by another program/);
  return true;
}

/** Writes `length` bytes at `position` and returns whether they were written. */
async function put(slow: SlowFile, writer: FileWriter, position: number, length: number): Promise<boolean> {
  let isWritten: boolean | undefined;
  const before = slow.writes.length;
  writer.write(bytes(length), position, (written) => isWritten = written);
  await settle();
  if (slow.writes.length > before) await slow.end();
  return isWritten!;
}

const MEDDLING: readonly (readonly [what: string, size: number, position: number, length: number])[] = [
  ["cut, and a write goes on behind its end", 60, 100, 10],
  ["cut, and a write reaches that end exactly", 60, 90, 10],
  ["cut to nothing", 0, 50, 60],
  ["made longer", 200, 100, 10],
];

for (const [what, size, position, length] of MEDDLING) {
  test(`46: a file of 100 bytes that is ${what}, is not written any more`, async () => {
    const slow = new SlowFile();
    const failures: unknown[] = [];
    const writer = writerOf(slow, (error) => failures.push(error));
    assert.equal(await put(slow, writer, 0, 100), true);
    slow.size = size;
    assert.equal(await put(slow, writer, position, length), false);
    assert.equal(await put(slow, writer, 0, 10), false);
    assert.ok(failures.length === 1 && isForeign(failures[0]));
    assert.equal(slow.writes.length, 1);
    await assert.rejects(writer.settle(), isForeign);
    slow.size = 100;
    await assert.rejects(writer.inspect(), isForeign, "once changed, it stays so");
  });
}

test("46: a write that does not reach the end leaves a cut file short, which is noticed later", async () => {
  const slow = new SlowFile();
  slow.size = 100;
  const failures: unknown[] = [];
  const writer = writerOf(slow, (error) => failures.push(error));
  slow.size = 20;
  assert.equal(await put(slow, writer, 50, 49), true);
  assert.equal(slow.size, 99);
  await assert.rejects(writer.inspect(), isForeign);
  assert.ok(failures.length === 1 && isForeign(failures[0]));
});

test("inspect() lets a write that is under way make the file longer", async () => {
  const slow = new SlowFile();
  const writer = writerOf(slow);
  writer.write(bytes(10), 0, () => {});
  await settle();
  slow.size = 7;
  assert.equal((await writer.inspect()).size, 7);
  slow.size = 10;
  await slow.end();
  assert.equal((await writer.inspect()).size, 10);
});

test("inspect() lets a write that failed have made the file longer", async () => {
  const slow = new SlowFile();
  const writer = writerOf(slow, () => {});
  writer.write(bytes(10), 0, () => {});
  await settle();
  slow.size = 4;
  await slow.end(systemError("ENOSPC"));
  assert.equal((await writer.inspect()).size, 4);
});

test("clear() empties the file after what was queued, which may then grow again", async () => {
  const slow = new SlowFile();
  const writer = writerOf(slow);
  assert.equal(await put(slow, writer, 0, 100), true);
  writer.write(bytes(10), 100, () => {});
  await settle();
  const cleared = writer.clear();
  await settle();
  assert.equal(slow.size, 100);
  await slow.end();
  await cleared;
  assert.equal(slow.size, 0);
  assert.equal(await put(slow, writer, 0, 10), true);
  assert.equal((await writer.inspect()).size, 10);
});

const MIB = 1024 * 1024;

test("a file whose size is known is made longer in steps, and looked at as seldom", async () => {
  const slow = new SlowFile();
  const writer = writerOf(slow, unexpected, 160 * MIB);
  const sizes = new Set<number>();
  for (let position = 4 * MIB - 1; position < 160 * MIB; position += 4 * MIB) {
    assert.equal(await put(slow, writer, position, 1), true);
    sizes.add(slow.size / MIB);
  }
  assert.deepEqual([...sizes], [68, 132, 160]);
  assert.equal(slow.stats, 4, "before each step, and before the write that reaches the end");
});

test("46: a cut is noticed before a file is made longer", async () => {
  const slow = new SlowFile();
  const failures: unknown[] = [];
  const writer = writerOf(slow, (error) => failures.push(error), 160 * MIB);
  assert.equal(await put(slow, writer, 0, 10), true);
  slow.size = 5;
  assert.equal(await put(slow, writer, 10, 10), true);
  assert.equal(await put(slow, writer, 100 * MIB, 10), false);
  assert.equal(slow.size, 20);
  assert.ok(failures.length === 1 && isForeign(failures[0]));
});

test("51: a file that cannot be made longer grows as it is written, and a cut is noticed", async () => {
  const slow = new SlowFile();
  slow.file.truncate = () => Promise.reject(systemError("ENOTSUP"));
  const failures: unknown[] = [];
  const writer = writerOf(slow, (error) => failures.push(error), 1000);
  for (let position = 0; position < 100; position += 10) {
    assert.equal(await put(slow, writer, position, 10), true);
    assert.equal(slow.size, position + 10);
  }
  slow.size = 50;
  assert.equal(await put(slow, writer, 100, 10), false);
  assert.ok(failures.length === 1 && isForeign(failures[0]));
});

test("41: a disk that is full before the file is as long as it was to be goes on until a write fails", async () => {
  const slow = new SlowFile();
  slow.file.truncate = () => {
    slow.size = 50;
    return Promise.reject(systemError("ENOSPC"));
  };
  const writer = writerOf(slow, unexpected, 1000);
  for (const position of [0, 45, 55]) assert.equal(await put(slow, writer, position, 10), true);
  assert.equal((await writer.inspect()).size, 65);
});
