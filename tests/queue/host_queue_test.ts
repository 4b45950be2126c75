import assert from "node:assert/strict";
import { test } from "node:test";
import { HostQueue } from "../../src/queue/host_queue.ts";

/** Runs named downloads and records which of them run. */
class Scene {
  readonly running = new Set<string>();
  readonly order: string[] = [];
  readonly #queue: HostQueue;
  readonly #leave = new Map<string, () => void>();

  constructor(total: number, perHost: number) {
    this.#queue = new HostQueue({ total, perHost });
  }

  /** Those whose names begin with the same letter share a host. */
  join(...names: readonly string[]): void {
    for (const name of names) {
      this.#leave.set(
        name,
        this.#queue.join(name[0]!, () => {
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

test("downloads of one host run in the order in which they joined", () => {
  const scene = new Scene(2, Infinity);
  scene.join("a1", "a2", "b1", "a3");
  assert.deepEqual([...scene.running], ["a1", "a2"]);
  scene.leave("a2", "a1");
  assert.deepEqual([...scene.running], ["b1", "a3"]);
});

test("a download that waits for its host does not block another host, and keeps its order there", () => {
  const scene = new Scene(3, 1);
  scene.join("a1", "a2", "a3", "b1", "c1", "c2", "d1");
  assert.deepEqual(scene.order, ["a1", "b1", "c1"]);
  scene.leave("b1");
  assert.deepEqual(scene.order.slice(3), ["d1"]);
  scene.leave("a1");
  assert.deepEqual(scene.order.slice(4), ["a2"]);
  scene.leave("c1", "a2");
  assert.deepEqual(scene.order.slice(5), ["c2", "a3"]);
});

test("a download that leaves while it waits changes nothing for the others, and leaves only once", () => {
  const scene = new Scene(1, 1);
  scene.join("a1", "a2", "a3", "b1", "b2");
  scene.leave("a2", "b1", "b1");
  scene.leave("a1", "a1");
  assert.deepEqual(scene.order, ["a1", "b2"]);
  scene.leave("b2");
  assert.deepEqual(scene.order, ["a1", "b2", "a3"]);
  scene.leave("a3");
  scene.join("a4", "a5");
  assert.deepEqual([...scene.running], ["a4"]);
});

test("a million waiting downloads cost as much each as ten do", () => {
  const queue = new HostQueue({ total: 1, perHost: 2 });
  const count = 1_000_000;
  const leave: (() => void)[] = [];
  let begun = 0;
  const startedMs = performance.now();
  for (let index = 0; index < count; index++) leave.push(queue.join(`host${index % 3}`, () => begun++));
  // From the end as well as from the start: neither may search.
  for (let index = 0; index < count / 2; index++) {
    leave[count - 1 - index]!();
    leave[index]!();
  }
  assert.ok(begun > 0);
  // A search, or an array that moves up, would take hours.
  assert.ok(performance.now() - startedMs < 30_000);
});
