import assert from "node:assert/strict";
import { test } from "node:test";
import { Turns } from "../../src/queue/turns.ts";

/** Gives turns and records who has one. */
class Scene {
  readonly running = new Set<string>();
  readonly order: string[] = [];
  readonly #turns: Turns;
  readonly #leave = new Map<string, () => void>();

  constructor(total: number, perHost: number) {
    this.#turns = new Turns({ total, perHost });
  }

  /** Those whose names begin with the same letter share a host. */
  take(...names: readonly string[]): void {
    for (const name of names) {
      this.#leave.set(
        name,
        this.#turns.take(name[0]!, () => {
          this.running.add(name);
          this.order.push(name);
        }),
      );
    }
  }

  leave(...names: readonly string[]): void {
    for (const name of names) {
      this.running.delete(name);
      this.#leave.get(name)!();
    }
  }
}

test("turns are given first come, first served", () => {
  const scene = new Scene(2, Infinity);
  scene.take("a1", "a2", "b1", "a3");
  assert.deepEqual([...scene.running], ["a1", "a2"]);
  scene.leave("a2", "a1");
  assert.deepEqual([...scene.running], ["b1", "a3"]);
});

test("who waits for a host holds no turn that another host can use, and keeps its place there", () => {
  const scene = new Scene(3, 1);
  scene.take("a1", "a2", "a3", "b1", "c1", "c2", "d1");
  assert.deepEqual(scene.order, ["a1", "b1", "c1"]);
  scene.leave("b1");
  assert.deepEqual(scene.order.slice(3), ["d1"]);
  scene.leave("a1");
  assert.deepEqual(scene.order.slice(4), ["a2"]);
  scene.leave("c1", "a2");
  assert.deepEqual(scene.order.slice(5), ["c2", "a3"]);
});

test("one that gives up waiting, wherever it waits, takes nobody's turn and gives it back once only", () => {
  const scene = new Scene(1, 1);
  scene.take("a1", "a2", "a3", "b1", "b2");
  scene.leave("a2", "b1", "b1");
  scene.leave("a1", "a1");
  assert.deepEqual(scene.order, ["a1", "b2"]);
  scene.leave("b2");
  assert.deepEqual(scene.order, ["a1", "b2", "a3"]);
  scene.leave("a3");
  scene.take("a4", "a5");
  assert.deepEqual([...scene.running], ["a4"]);
});

test("a million that wait cost as much each as ten do", () => {
  const turns = new Turns({ total: 1, perHost: 2 });
  const count = 1_000_000;
  const leave: (() => void)[] = [];
  let begun = 0;
  const startedMs = performance.now();
  for (let index = 0; index < count; index++) leave.push(turns.take(`host${index % 3}`, () => begun++));
  // From the end as well as from the start: neither may search.
  for (let index = 0; index < count / 2; index++) {
    leave[count - 1 - index]!();
    leave[index]!();
  }
  assert.ok(begun > 0);
  // A search, or an array that moves up, would take hours.
  assert.ok(performance.now() - startedMs < 30_000);
});
