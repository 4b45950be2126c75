import assert from "node:assert/strict";
import { test } from "node:test";
import { download, DownloadError } from "../../mod.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { assertFileIs } from "../../testing/content.ts";
import { FaultServer } from "../../testing/mod.ts";
import { SMALL_FILE } from "../helpers/small_file.ts";
import { temporaryDirectory } from "../helpers/temp.ts";

const FILE = { seed: 4, size: 100_000 } as const;

const never = () => 1;

class StoppedDate extends Date {
  static override now(): number {
    return 0;
  }
}

/** Puts timers that never fire and a stopped clock in place of the global ones, as tests with fake timers do. */
function stopTime(): Disposable {
  const replaced: readonly (readonly [object, string, unknown])[] = [
    [globalThis, "setTimeout", never],
    [globalThis, "clearTimeout", never],
    [globalThis, "setInterval", never],
    [globalThis, "Date", StoppedDate],
    [performance, "now", () => 0],
  ];
  const before = replaced.map(([owner, name]) => Object.getOwnPropertyDescriptor(owner, name));
  for (const [owner, name, value] of replaced) {
    Object.defineProperty(owner, name, { value, writable: true, configurable: true });
  }
  return {
    [Symbol.dispose]() {
      for (const [index, [owner, name]] of replaced.entries()) {
        const descriptor = before[index];
        if (descriptor === undefined) Reflect.deleteProperty(owner, name);
        else Object.defineProperty(owner, name, descriptor);
      }
    },
  };
}

test("124 fake timers: the clock goes on", async () => {
  using _ = stopTime();
  const started = systemClock.monotonicMs();
  await systemClock.sleep(5);
  assert.ok(systemClock.monotonicMs() > started);
  assert.ok(systemClock.wallMs() > 1_000_000_000_000);
  const stop = new AbortController();
  const sleeping = systemClock.sleep(60_000, stop.signal);
  stop.abort(new Error("stopped"));
  await assert.rejects(sleeping, /^Error: stopped$/);
});

test(
  "124 fake timers: a download is tried again, completes, and times out",
  { timeout: 30_000 },
  async () => {
    await using dir = await temporaryDirectory();
    await using server = await FaultServer.start({
      ...FILE,
      respond: ({ index, path }) =>
        path === "/silent" ? { never: true } : index === 0 ? { status: 503 } : undefined,
    });
    using _ = stopTime();
    const outputPath = dir.join("out");
    await download({ ...SMALL_FILE, url: server.url, outputPath, maxRetries: 2 }).wait();
    await assertFileIs(outputPath, FILE.seed, FILE.size);
    const url = new URL("/silent", server.url);
    const late = { url, outputPath: dir.join("late"), connectTimeoutMs: 50, maxRetries: 0 };
    const error: unknown = await download(late).wait().catch((error) => error);
    assert.ok(error instanceof DownloadError && error.code === "timeout", String(error));
  },
);
