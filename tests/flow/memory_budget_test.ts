import assert from "node:assert/strict";
import { test } from "node:test";
import type { Block } from "../../src/lib/block.ts";
import { layOutBlocks, MemoryBudget } from "../../src/flow/memory_budget.ts";
import { seededRandom } from "../../testing/content.ts";
import { countListeners } from "../helpers/listeners.ts";
import { settle } from "../helpers/doubles/virtual_clock.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const never = (): AbortSignal => new AbortController().signal;

/** A budget of `blocks` blocks of 64 bytes, all taken. */
function exhausted(blocks: number): { budget: MemoryBudget; taken: Block[] } {
  const budget = new MemoryBudget({ blockSize: 64, blocks });
  const taken = Array.from({ length: blocks }, () => budget.tryTake()!);
  return { budget, taken };
}

test("a layout fits the budget and feeds every connection it promises", () => {
  for (const reserved of [0, 2]) {
    for (let budget = 16 * KIB; budget <= 64 * MIB; budget = Math.ceil(budget * 1.37)) {
      for (let connections = 1; connections <= 256; connections++) {
        const layout = layOutBlocks({ budget, connections, reserved });
        const what = `${budget} bytes, ${connections} connections, ${reserved} reserved: ${
          JSON.stringify(layout)
        }`;
        assert.ok(layout.blocks * layout.blockSize <= budget, what);
        assert.ok(layout.connections >= 1 && layout.connections <= connections, what);
        assert.ok(layout.blocks >= 2 * layout.connections + reserved, what);
        assert.ok(Number.isInteger(Math.log2(layout.blockSize)), what);
        assert.ok(layout.blockSize >= 2 * KIB && layout.blockSize <= MIB, what);
      }
    }
  }
});

test("a layout gives large blocks where there is room, and fewer connections where there is little", () => {
  assert.ok(layOutBlocks({ budget: 64 * MIB, connections: 4 }).blockSize >= 256 * KIB);
  assert.equal(
    layOutBlocks({ budget: 1024 * MIB, connections: 4 }).blockSize,
    layOutBlocks({ budget: 65_536 * MIB, connections: 4 }).blockSize,
  );
  assert.deepEqual(layOutBlocks({ budget: 64 * MIB, connections: 256 }), {
    blockSize: 64 * KIB,
    blocks: 1024,
    connections: 256,
  });
  assert.deepEqual(layOutBlocks({ budget: 16 * KIB, connections: 256 }), {
    blockSize: 4 * KIB,
    blocks: 4,
    connections: 1,
  });
  assert.deepEqual(layOutBlocks({ budget: 16 * KIB, connections: 256, reserved: 2 }), {
    blockSize: 2 * KIB,
    blocks: 8,
    connections: 1,
  });
  assert.equal(layOutBlocks({ budget: 64 * KIB, connections: 256 }).connections, 7);
});

test("what the runtime holds for each connection counts, and one connection is fed in any case", () => {
  for (const reserved of [0, 2]) {
    for (const chunkBytes of [64 * KIB, 576 * KIB]) {
      for (let budget = 16 * KIB; budget <= 64 * MIB; budget = Math.ceil(budget * 1.37)) {
        for (const connections of [1, 2, 8, 64, 256]) {
          const layout = layOutBlocks({ budget, connections, reserved, chunkBytes });
          const what =
            `${budget} bytes, ${connections} connections, ${reserved} reserved, ${chunkBytes} each: ${
              JSON.stringify(layout)
            }`;
          const held = layout.blocks * layout.blockSize + layout.connections * chunkBytes;
          assert.ok(held <= budget || (layout.connections === 1 && held <= budget + chunkBytes), what);
          assert.ok(layout.connections >= 1 && layout.connections <= connections, what);
          assert.ok(layout.blocks >= 2 * layout.connections + reserved, what);
        }
      }
    }
  }
  assert.deepEqual(layOutBlocks({ budget: 8 * MIB, connections: 8, chunkBytes: 576 * KIB }), {
    blockSize: 128 * KIB,
    blocks: 28,
    connections: 8,
  });
  assert.equal(layOutBlocks({ budget: 2 * MIB, connections: 8, chunkBytes: 576 * KIB }).connections, 2);
});

test("blocks are had up to the limit and not beyond", () => {
  const budget = new MemoryBudget({ blockSize: 64, blocks: 3 });
  assert.deepEqual([budget.blockSize, budget.bytesInUse, budget.peakBytes], [64, 0, 0]);
  const taken = [1, 2, 3].map(() => budget.tryTake()!);
  assert.ok(taken.every(({ bytes }) => bytes.length === 64));
  assert.equal(new Set(taken.map(({ bytes }) => bytes.buffer)).size, 3);
  assert.equal(budget.tryTake(), undefined);
  assert.deepEqual([budget.bytesInUse, budget.peakBytes], [192, 192]);
  for (const block of taken) budget.release(block);
  assert.deepEqual([budget.bytesInUse, budget.peakBytes], [0, 192]);
});

test("memory that was given back is used again, and its old holder no longer has it", () => {
  const { budget, taken: [block] } = exhausted(1);
  const { buffer } = block!.bytes;
  budget.release(block!);
  assert.equal(block!.bytes.length, 0);
  assert.equal(budget.tryTake()!.bytes.buffer, buffer);
});

test("who finds no block waits, and is served in turn", async () => {
  const { budget, taken } = exhausted(2);
  const served: string[] = [];
  const waits = ["a", "b", "c"].map(async (name) => {
    const block = await budget.take(never());
    served.push(name);
    return block;
  });
  await settle();
  assert.deepEqual(served, []);
  budget.release(taken[0]!);
  await settle();
  assert.deepEqual(served, ["a"]);
  assert.equal(budget.tryTake(), undefined);
  budget.release(taken[1]!);
  await settle();
  budget.release(await waits[0]!);
  await Promise.all(waits);
  assert.deepEqual(served, ["a", "b", "c"]);
  assert.equal(budget.bytesInUse, 128);
});

test("nobody stays on a signal after the wait", async () => {
  const { budget, taken } = exhausted(2);
  const { signal } = new AbortController();
  const listeners = countListeners(signal);
  const waits = [budget.take(signal), budget.take(signal)];
  assert.equal(listeners(), 2);
  for (const block of taken) budget.release(block);
  await Promise.all(waits);
  assert.equal(listeners(), 0);
});

test("80: an abort ends the wait with the signal's reason and takes no block", async () => {
  const { budget, taken } = exhausted(1);
  const stop = new AbortController();
  const stopped = budget.take(stop.signal);
  const next = budget.take(never());
  stop.abort(new Error("enough"));
  await assert.rejects(stopped, /^Error: enough$/);
  budget.release(taken[0]!);
  assert.equal((await next).bytes.length, 64);
  assert.equal(budget.bytesInUse, 64);
  budget.release(await next);
  assert.equal(budget.bytesInUse, 0);
});

test("80: a signal that is aborted already gets nothing, even where a block is free", async () => {
  const budget = new MemoryBudget({ blockSize: 64, blocks: 1 });
  await assert.rejects(budget.take(AbortSignal.abort(new Error("before"))), /^Error: before$/);
  assert.equal(budget.bytesInUse, 0);
});

test("an abort after the block was given changes nothing", async () => {
  const { budget, taken } = exhausted(1);
  const stop = new AbortController();
  const given = budget.take(stop.signal);
  budget.release(taken[0]!);
  stop.abort(new Error("late"));
  assert.equal((await given).bytes.length, 64);
  assert.equal(budget.bytesInUse, 64);
});

test("lost memory is replaced when it is given back", async () => {
  const { budget, taken } = exhausted(2);
  structuredClone(taken[0]!.bytes, { transfer: [taken[0]!.bytes.buffer] });
  assert.equal(taken[0]!.bytes.length, 0, "it is lost");
  budget.release(taken[0]!);
  assert.equal(budget.tryTake()!.bytes.length, 64);

  const waiting = budget.take(never());
  structuredClone(taken[1]!.bytes, { transfer: [taken[1]!.bytes.buffer] });
  budget.release(taken[1]!);
  assert.equal((await waiting).bytes.length, 64);
  assert.equal(budget.bytesInUse, 128);
});

for (const seed of [1, 2, 3]) {
  test(`the limit holds and nobody is left waiting, whatever happens (seed ${seed})`, async () => {
    const random = seededRandom(seed);
    const budget = new MemoryBudget({ blockSize: 64, blocks: 5 });
    const held = new Set<Block>();
    const waits = new Set<AbortController>();
    for (let step = 0; step < 2000; step++) {
      const action = random();
      const [block] = held;
      const [wait] = waits;
      if (action < 0.45) {
        const stop = new AbortController();
        waits.add(stop);
        budget.take(stop.signal).then((got) => held.add(got), () => {}).finally(() => waits.delete(stop));
      } else if (action < 0.55 && wait !== undefined) {
        wait.abort();
      } else if (block !== undefined) {
        held.delete(block);
        if (action < 0.6) structuredClone(block.bytes, { transfer: [block.bytes.buffer] });
        budget.release(block);
      }
      if (random() < 0.5) {
        await settle();
        assert.equal(budget.bytesInUse, held.size * 64);
        assert.ok(waits.size === 0 || held.size === 5, "who waits does so for a reason");
      }
      assert.ok(budget.bytesInUse <= 5 * 64, `${budget.bytesInUse} bytes in use`);
      assert.ok([...held].every(({ bytes }) => bytes.length === 64));
    }
    for (const wait of waits) wait.abort();
    await settle();
    for (const block of held) budget.release(block);
    assert.deepEqual([budget.bytesInUse, budget.peakBytes], [0, 5 * 64]);
  });
}
