import assert from "node:assert/strict";
import { test } from "node:test";
import { PieceMap } from "../../src/plan/piece_map.ts";
import { ProgressSaver } from "../../src/session/progress_saver.ts";
import { KnownVersion } from "../../src/session/sources/known_version.ts";
import type { Start } from "../../src/session/start.ts";
import type { Claims } from "../../src/storage/control_record.ts";
import type { Appended } from "../../src/storage/journal/journal.ts";
import type { Validator } from "../../src/types.ts";
import { runtimeWith } from "../helpers/doubles/runtime_double.ts";
import { settle, VirtualClock } from "../helpers/doubles/virtual_clock.ts";

const SIZE = 100_000;
const ONE: Validator = { etag: '"one"', lastModified: undefined };
const OTHER: Validator = { etag: '"other"', lastModified: undefined };
const range = (start: number) => ({ start, end: start + 10, crc: start });

/** A saver over a sink that only counts. */
class Scene {
  readonly clock = new VirtualClock();
  readonly appended: number[] = [];
  readonly saved: Claims[] = [];
  readonly warnings: string[] = [];
  readonly version = new KnownVersion(SIZE, ONE, true);
  readonly progress = { fetched: 0 };
  readonly stop = new AbortController();
  readonly saver: ProgressSaver;
  flushes = 0;
  answer: () => Promise<Appended> = () => Promise.resolve("appended");

  constructor(acceptsRanges = true, hasJournal = true) {
    const pieces = new PieceMap(SIZE, 1000);
    const sink: Pick<Start["sink"], "path" | "journal" | "sync" | "save"> = {
      path: "/x/out.bin.part",
      journal: !hasJournal ? undefined : {
        append: (ranges) => {
          this.appended.push(...ranges.map(({ start }) => start));
          return this.answer();
        },
        drop: () => Promise.resolve(),
      },
      sync: () => Promise.resolve(),
      save: (claims, { recent }) => {
        this.saved.push(claims);
        recent();
        return Promise.resolve();
      },
    };
    this.saver = new ProgressSaver({
      runtime: runtimeWith({ clock: this.clock }),
      spec: { controlSaveIntervalMs: 8000 },
      log: (level, text) => void this.warnings.push(`${level}: ${text}`),
      progress: this.progress,
      start: {
        remote: { acceptsRanges, size: SIZE },
        ...{ version: this.version, named: ONE, sink, pieces, proof: undefined },
        identity: { urlHash: "", queryHash: "", size: SIZE },
      },
      cache: { flush: () => Promise.resolve(), flushStale: () => void this.flushes++ },
      pieces,
    });
  }

  /** Runs `work` while progress is saved. */
  async run(work: () => Promise<void>): Promise<void> {
    const saving = this.saver.saveRegularly(this.stop.signal).catch(() => {});
    await settle();
    await work();
    this.stop.abort();
    await saving;
    await this.saver.close();
    assert.equal(this.clock.sleepers, 0);
  }

  /** A range was fetched and written. */
  add(start: number): void {
    this.progress.fetched += 10;
    this.saver.add(range(start));
  }
}

test("saves come after an eighth, a quarter and a half of the interval, and then regularly", async () => {
  const scene = new Scene();
  await scene.run(async () => {
    const times: number[] = [];
    for (let ms = 0; ms < 24_000; ms += 500) {
      scene.progress.fetched++;
      const before = scene.saved.length;
      await scene.clock.advance(500);
      if (scene.saved.length > before) times.push(ms + 500);
    }
    assert.deepEqual(times, [1000, 3000, 7000, 15_000, 23_000]);
  });
});

test("52: a full journal makes the next save come immediately", async () => {
  const scene = new Scene();
  scene.answer = () => Promise.resolve("full");
  await scene.run(async () => {
    scene.add(0);
    await scene.clock.advance(20);
    assert.equal(scene.saved.length, 1);
    scene.answer = () => Promise.resolve("appended");
    scene.add(100);
    await scene.clock.advance(20);
    assert.deepEqual([scene.appended, scene.saved.length], [[0, 100], 1]);
  });
});

test("bytes of another version enter no journal of the first one, and a save follows", async () => {
  const scene = new Scene();
  await scene.run(async () => {
    scene.add(0);
    await scene.clock.advance(20);
    scene.version.note(OTHER);
    scene.add(100);
    await scene.clock.advance(20);
    assert.deepEqual(scene.appended, [0]);
    assert.deepEqual(scene.saved.map(({ file }) => file.validator), [{
      etag: undefined,
      lastModified: undefined,
    }]);
    scene.add(200);
    await scene.clock.advance(20);
    assert.deepEqual(scene.appended, [0, 200]);
  });
});

test("42: a journal that cannot be written is a warning, once for each checkpoint", async () => {
  const scene = new Scene();
  scene.answer = () => Promise.reject(new Error("no space"));
  await scene.run(async () => {
    for (let start = 0; start < 500; start += 100) {
      scene.add(start);
      await scene.clock.advance(100);
    }
    assert.equal(scene.warnings.length, 1);
    assert.match(scene.warnings[0]!, /^warn: .*no space; a kill may lose what was fetched since/);
  });
});

test("52: what slow connections gathered is written twenty times a second", async () => {
  const scene = new Scene();
  await scene.run(async () => {
    await scene.clock.advance(1000);
    assert.equal(scene.flushes, 20);
  });
});

test("from a server without ranges nothing is saved", async () => {
  const scene = new Scene(false);
  await scene.run(async () => {
    scene.add(0);
    await scene.clock.advance(60_000);
    assert.deepEqual([scene.appended, scene.saved, scene.flushes], [[], [], 0]);
  });
});

test("a small file in memory has no journal, and another version brings no save of it", async () => {
  const scene = new Scene(true, false);
  await scene.run(async () => {
    scene.version.note(OTHER);
    scene.add(0);
    await scene.clock.advance(900);
    assert.deepEqual([scene.appended, scene.saved, scene.flushes], [[], [], 0]);
    await scene.clock.advance(100);
    assert.equal(scene.saved.length, 1);
  });
});
