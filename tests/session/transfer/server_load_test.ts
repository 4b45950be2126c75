import assert from "node:assert/strict";
import { test } from "node:test";
import { HttpStatusError } from "../../../src/errors.ts";
import { ServerLoad } from "../../../src/session/transfer/server_load.ts";
import { settle, VirtualClock } from "../../helpers/doubles/virtual_clock.ts";

const MAX_SEGMENT = 1_000_000;
const MAX_QUIET_MS = 60_000;

interface Returning {
  readonly hasWork?: () => boolean;
  /** Called when a connection has returned. */
  readonly onReturn?: () => void;
}

/** A server with `count` connections. */
class Scene {
  readonly clock = new VirtualClock();
  readonly stop = new AbortController();
  readonly messages: string[] = [];
  readonly progress = { fetched: 0 };
  closed = 0;
  readonly load: ServerLoad;
  readonly #log = (_level: string, message: string) => void this.messages.push(message);

  constructor(count: number, maxConnections = count, acceptsRanges = true) {
    this.load = new ServerLoad({
      ...{ clock: this.clock, log: this.#log, maxConnections, acceptsRanges, progress: this.progress },
      maxSegmentSize: MAX_SEGMENT,
      maxQuietMs: MAX_QUIET_MS,
      source: { closeIdle: () => void this.closed++ },
    });
    for (let added = 0; added < count; added++) this.load.addConnection();
  }

  overload(retryAfterMs?: number, isReturning = false): void {
    const dated = retryAfterMs === undefined ? {} : { retryAfterMs };
    this.load.noteOverload(new HttpStatusError(429, "429", { retryable: true, ...dated }), isReturning);
  }

  /** Milliseconds until the server wants a request again. */
  async quietMs(): Promise<number> {
    const before = this.clock.monotonicMs();
    let after: number | undefined;
    void this.load.waitUntilReady(this.stop.signal).then(() => after = this.clock.monotonicMs());
    await settle();
    while (after === undefined) await this.clock.advance(500);
    return after - before;
  }

  /** Retires connections until there are as few as the server bears. */
  retireTooMany(): void {
    while (this.load.hasTooMany) this.load.retire(true);
  }

  /** Lets connections return, each of which counts at once. Returns the times at which they did. */
  restoreConnections({ hasWork = () => true, onReturn = () => {} }: Returning = {}): number[] {
    const times: number[] = [];
    const start = () => {
      this.load.addConnection();
      times.push(this.clock.monotonicMs());
      onReturn();
    };
    void this.load.restoreConnections(hasWork, start, this.stop.signal);
    return times;
  }

  /** Lets time pass in which the connections are served. */
  async serve(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 250) {
      this.progress.fetched++;
      await this.clock.advance(250);
    }
  }
}

test("nobody waits for a server that has demanded no quiet", async () => {
  const scene = new Scene(4);
  assert.equal(await scene.quietMs(), 0);
  scene.overload();
  assert.equal(await scene.quietMs(), 0);
});

test("requests wait for as long as the server says, but no longer than the longest delay", async () => {
  const scene = new Scene(4);
  scene.overload(5000);
  assert.equal(await scene.quietMs(), 5000);
  scene.overload(3_600_000);
  assert.equal(await scene.quietMs(), MAX_QUIET_MS);
});

test("a shorter demand does not end the quiet, and the wait ends with its signal", async () => {
  const scene = new Scene(4);
  scene.overload(5000);
  scene.overload(1000);
  const reason = new Error("stopped");
  const waiting = assert.rejects(scene.load.waitUntilReady(scene.stop.signal), reason);
  await scene.clock.advance(4999);
  scene.stop.abort(reason);
  await waiting;
});

test("an overloaded server gets half of the connections, down to one", async () => {
  const scene = new Scene(9);
  const counts: number[] = [];
  for (let refusal = 0; refusal < 5; refusal++) {
    scene.overload();
    scene.retireTooMany();
    counts.push(scene.load.connections);
    await scene.clock.advance(1000);
  }
  assert.deepEqual(counts, [5, 3, 2, 1, 1]);
  assert.equal(scene.messages[0], "the server is overloaded; continuing with 5 connections");
});

test("refusals within a second, or within the quiet, count once", async () => {
  const scene = new Scene(16);
  const refuse = (retryAfterMs?: number) => {
    scene.overload(retryAfterMs);
    scene.retireTooMany();
    return scene.load.connections;
  };
  assert.deepEqual([refuse(), refuse(), refuse()], [8, 8, 8]);
  await scene.clock.advance(999);
  assert.equal(refuse(), 8);
  await scene.clock.advance(1);
  assert.equal(refuse(5000), 4);
  await scene.clock.advance(4999);
  assert.equal(refuse(), 4);
  await scene.clock.advance(1);
  assert.equal(refuse(), 2);
});

test("there is room up to the limit, and none after a refusal or without ranges", () => {
  const scene = new Scene(4, 16);
  assert.equal(scene.load.room, 12);
  scene.load.retire(false);
  assert.equal(scene.load.room, 13);
  scene.overload();
  assert.equal(scene.load.room, 0);
  assert.equal(new Scene(1, 1, false).load.room, 0);
});

test("the refusal of a connection that returns delays no request and takes no connection", async () => {
  const scene = new Scene(4);
  scene.overload(5000, true);
  assert.equal(await scene.quietMs(), 0);
  assert.deepEqual([scene.load.hasTooMany, scene.load.room], [false, 0]);
});

test("the only connection is no exception when it returns", async () => {
  const scene = new Scene(1);
  scene.overload(5000, true);
  assert.equal(await scene.quietMs(), 5000);
});

test("a lasting refusal closes idle connections, and was not about the length of ranges", () => {
  const { load, ...scene } = new Scene(2);
  load.shorten(4000);
  load.shorten(8000);
  assert.deepEqual([load.maxSegmentSize, load.wereOthersRefused], [4000, false]);
  load.retire(false);
  assert.deepEqual([load.maxSegmentSize, load.wereOthersRefused, load.hasOthers], [MAX_SEGMENT, true, false]);
  assert.equal(scene.messages[0], "a long range was refused; requesting 4000 bytes at most");
});

test("a passing refusal changes nothing but the number of connections", () => {
  const scene = new Scene(2);
  const { load } = scene;
  load.shorten(4000);
  load.retire(true);
  assert.deepEqual([load.connections, load.maxSegmentSize, load.wereOthersRefused], [1, 4000, false]);
  assert.equal(scene.closed, 0);
  load.retire(false);
  assert.equal(scene.closed, 1);
});

test("the whole file is requested over one connection", () => {
  const { load } = new Scene(2);
  load.requestWholeFile();
  assert.deepEqual([load.usesRanges, load.hasTooMany, load.room], [false, true, 0]);
});

test("the longest range that was served is kept", () => {
  const { load } = new Scene(2);
  for (const bytes of [10, 30, 20]) load.noteServed(bytes);
  assert.deepEqual([load.servedBytes, load.hasServedMiddle], [30, false]);
  load.noteServedMiddle();
  assert.equal(load.hasServedMiddle, true);
});

test("connections return one by one, each a second after the one before was served", async () => {
  const scene = new Scene(4);
  const times = scene.restoreConnections();
  scene.load.retire(true);
  scene.load.retire(true);
  await scene.serve(10_000);
  // One second to begin with, and one to see whether it is served.
  assert.deepEqual(times, [1000, 3000]);
  assert.equal(scene.load.connections, 4);
  scene.stop.abort();
});

test("the delay doubles with each return that is refused, up to half a minute", async () => {
  const scene = new Scene(2);
  const times = scene.restoreConnections({ onReturn: () => scene.load.retire(true) });
  scene.load.retire(true);
  await scene.serve(130_000);
  const delays = times.map((time, index) => time - (times[index - 1] ?? 0));
  const law = delays.map((_, index) => Math.min(1000 * 2 ** index, 30_000) + (index === 0 ? 0 : 1000));
  assert.deepEqual(delays, law);
  assert.equal(delays.at(-1), 31_000);
  scene.stop.abort();
});

test("a return that is served makes the next delay short again", async () => {
  const scene = new Scene(3);
  let refusals = 2;
  const times = scene.restoreConnections({
    onReturn: () => {
      if (refusals-- > 0) scene.load.retire(true);
    },
  });
  scene.load.retire(true);
  scene.load.retire(true);
  await scene.serve(30_000);
  // Two that are refused, with twice the delay after each, one that is served, and the last one.
  assert.deepEqual(times, [1000, 1000 + 3000, 4000 + 5000, 9000 + 2000]);
  scene.stop.abort();
});

for (
  const [name, change] of [
    ["nothing is received", (scene: Scene) => scene.clock.advance(60_000)],
    ["ranges are not served", (scene: Scene) => {
      scene.load.requestWholeFile();
      return scene.serve(60_000);
    }],
  ] as const
) {
  test(`no connection returns while ${name}`, async () => {
    const scene = new Scene(2);
    const times = scene.restoreConnections();
    scene.load.retire(true);
    await change(scene);
    assert.deepEqual(times, []);
    scene.stop.abort();
  });
}

test("no connection returns while nothing is left to lease", async () => {
  const scene = new Scene(2);
  let hasWork = false;
  const times = scene.restoreConnections({ hasWork: () => hasWork });
  scene.load.retire(true);
  await scene.serve(3250);
  assert.deepEqual(times, []);
  hasWork = true;
  await scene.serve(1000);
  assert.deepEqual(times, [4000]);
  scene.stop.abort();
});

test("no connection returns while the server demands quiet, be it of one that returns", async () => {
  const scene = new Scene(4);
  const times = scene.restoreConnections();
  scene.overload(5000);
  scene.load.retire(true);
  await scene.serve(6000);
  assert.deepEqual(times, [5000]);
  scene.overload(10_000, true);
  scene.load.retire(true);
  await scene.serve(20_000);
  assert.deepEqual(times, [5000, 16_000]);
  scene.stop.abort();
});

test("connections that were refused for good stay away, and returning ends with its signal", async () => {
  const scene = new Scene(3);
  const start = () => scene.load.addConnection();
  const returning = scene.load.restoreConnections(() => true, start, scene.stop.signal);
  scene.load.retire(false);
  await scene.serve(60_000);
  assert.equal(scene.load.connections, 2);
  scene.stop.abort(new Error("over"));
  await returning;
});

test("a mistake while connections return is not swallowed", async () => {
  const scene = new Scene(2);
  const mistake = new TypeError("mistake");
  const start = () => {
    throw mistake;
  };
  const returning = assert.rejects(
    scene.load.restoreConnections(() => true, start, scene.stop.signal),
    mistake,
  );
  scene.load.retire(true);
  await scene.serve(1000);
  await returning;
});
