import assert from "node:assert/strict";
import { test } from "node:test";
import { DownloadError } from "../../src/errors.ts";
import { TokenBucket } from "../../src/flow/token_bucket.ts";
import { DownloadHandle } from "../../src/queue/handle.ts";
import { Progress } from "../../src/session/progress.ts";
import type { StopRequest } from "../../src/session/session.ts";
import type { DownloadResult, DownloadState } from "../../src/types.ts";
import { settle, VirtualClock } from "../helpers/doubles/virtual_clock.ts";

const RESULT: DownloadResult = {
  ...{ path: "file", size: 1, fetchedBytes: 1, resumedBytes: 0, lengthVerified: true },
  ...{ checksum: undefined, checksumSource: undefined, elapsedMs: 1 },
};

/** A handle whose queue and work the test plays. */
class Stage {
  readonly clock = new VirtualClock();
  readonly work = Promise.withResolvers<DownloadResult>();
  readonly progress = new Progress(this.clock);
  readonly handle: DownloadHandle;
  /** What the handle did, in this order. */
  readonly calls: string[] = [];
  stop: StopRequest | undefined;
  begin: () => void = () => {};

  constructor(options: { readonly signal?: AbortSignal; readonly isFull?: boolean } = {}) {
    this.handle = new DownloadHandle({
      clock: this.clock,
      progress: this.progress,
      bucket: new TokenBucket(this.clock, 0),
      signal: options.signal,
      enqueue: (begin) => {
        this.begin = begin;
        if (options.isFull !== true) begin();
        return () => void this.calls.push("leave");
      },
      run: (stop) => {
        this.calls.push("run");
        this.stop = stop;
        return this.work.promise;
      },
      discard: async (work) => {
        this.calls.push("discard");
        await work;
        this.calls.push("discarded");
      },
      onClosed: () => void this.calls.push("closed"),
    });
  }

  /** Ends the work as a session does that was stopped. */
  async obey(): Promise<void> {
    this.work.reject(this.stop?.signal.reason);
    await settle();
  }

  get state(): DownloadState {
    return this.handle.snapshot.state;
  }
}

const codeOf = (error: unknown) => error instanceof DownloadError ? error.code : error;
const outcomeOf = ({ handle }: Stage) => handle.wait().then(({ path }) => path, codeOf);

test("a handle that runs ends as its work does", async () => {
  const right = new Stage();
  right.work.resolve(RESULT);
  assert.equal(await outcomeOf(right), "file");
  await right.handle.closed;
  await settle();
  assert.deepEqual([right.state, right.calls], ["completed", ["run", "leave", "closed"]]);
  const wrong = new Stage();
  const error = new DownloadError("network", "Cannot fetch");
  wrong.work.reject(error);
  assert.equal(await wrong.handle.wait().catch((it) => it), error);
  assert.equal(wrong.state, "failed");
});

test("a handle that waits is stopped immediately, and runs nothing", async () => {
  const stage = new Stage({ isFull: true });
  assert.equal(stage.state, "pending");
  stage.handle.pause();
  stage.handle.cancel();
  assert.deepEqual([stage.state, stage.calls], ["paused", ["leave", "closed"]]);
  assert.equal(await outcomeOf(stage), "paused");
  await stage.handle.closed;
});

test("a handle that is stopped keeps the first reason, and leaves no timer", async () => {
  const stage = new Stage();
  stage.handle.pause();
  stage.handle.cancel();
  assert.deepEqual([stage.state, stage.clock.sleepers], ["pending", 1]);
  await stage.obey();
  assert.deepEqual([await outcomeOf(stage), stage.state, stage.clock.sleepers], ["paused", "paused", 0]);
});

test("a handle that is paused may say why nothing was kept", async () => {
  const stage = new Stage();
  stage.handle.pause();
  const error = new DownloadError("paused", "The download was paused; nothing could be kept");
  stage.work.reject(error);
  assert.deepEqual([await stage.handle.wait().catch((it) => it), stage.state], [error, "paused"]);
});

test("a handle whose work ends otherwise than it was stopped says so", async () => {
  const late = new Stage();
  late.handle.cancel();
  late.work.resolve(RESULT);
  assert.deepEqual([await outcomeOf(late), late.state], ["file", "completed"]);
  const broken = new Stage();
  broken.handle.cancel();
  broken.work.reject(new DownloadError("disk_full", "Cannot write"));
  assert.deepEqual([await outcomeOf(broken), broken.state], ["disk_full", "failed"]);
});

test("a handle settles 100 ms after it was stopped, and is closed when its work has ended", async () => {
  const stage = new Stage();
  let isClosed = false;
  stage.handle.closed.then(() => isClosed = true);
  stage.handle.cancel();
  await stage.clock.advance(99);
  assert.equal(stage.state, "pending");
  await stage.clock.advance(1);
  assert.deepEqual([stage.state, await outcomeOf(stage)], ["cancelled", "cancelled"]);
  await settle();
  assert.deepEqual([isClosed, stage.calls], [false, ["run"]]);
  stage.work.resolve(RESULT);
  await settle();
  assert.deepEqual([isClosed, stage.state], [true, "cancelled"]);
  assert.deepEqual(stage.calls, ["run", "leave", "closed"]);
});

test("a handle discards once, after its work, whenever that is requested", async () => {
  const phases: Readonly<Record<string, (stage: Stage) => void | Promise<void>>> = {
    running: () => {},
    stopping: ({ handle }) => handle.pause(),
    "stopped for too long": async ({ handle, clock }) => {
      handle.pause();
      await clock.advance(100);
    },
  };
  for (const [name, enter] of Object.entries(phases)) {
    const stage = new Stage();
    await enter(stage);
    assert.equal(stage.stop?.isDiscarded(), false, name);
    stage.handle.cancel({ discard: true });
    stage.handle.cancel({ discard: true });
    assert.equal(stage.stop?.isDiscarded(), true, name);
    const closed = stage.handle.closed;
    await stage.obey();
    await closed;
    await settle();
    assert.deepEqual(stage.calls, ["run", "discard", "leave", "discarded", "closed"], name);
  }
});

test("a handle discards before it has run and after it has failed, and leaves alone what is completed", async () => {
  const waiting = new Stage({ isFull: true });
  waiting.handle.cancel({ discard: true });
  await waiting.handle.closed;
  assert.deepEqual(waiting.calls, ["leave", "closed", "discard", "discarded"]);
  const failed = new Stage();
  failed.work.reject(new DownloadError("network", "Cannot fetch"));
  await failed.handle.closed;
  failed.handle.cancel({ discard: true });
  await failed.handle.closed;
  assert.deepEqual([failed.state, failed.calls.at(-1)], ["failed", "discarded"]);
  const completed = new Stage();
  completed.work.resolve(RESULT);
  await completed.handle.closed;
  completed.handle.cancel({ discard: true });
  assert.ok(!completed.calls.includes("discard"));
});

test("a handle obeys its signal while it waits and runs, and no longer", async () => {
  const controller = new AbortController();
  const stages = [true, false].map((isFull) => new Stage({ signal: controller.signal, isFull }));
  controller.abort("enough");
  await stages[1]!.obey();
  for (const stage of stages) {
    assert.deepEqual([await outcomeOf(stage), stage.state], ["enough", "cancelled"]);
  }
  const late = new AbortController();
  const done = new Stage({ signal: late.signal });
  done.work.resolve(RESULT);
  await done.handle.closed;
  late.abort();
  assert.equal(done.state, "completed");
});

test("a handle whose signal was aborted before neither waits nor runs", async () => {
  const stage = new Stage({ signal: AbortSignal.abort("enough") });
  assert.equal(stage.state, "pending");
  assert.equal(await outcomeOf(stage), "enough");
  assert.deepEqual([stage.state, stage.calls], ["cancelled", ["closed"]]);
});

test("a handle yields a snapshot every 100 ms, and the last one when it settles", async () => {
  const stage = new Stage();
  const states: DownloadState[] = [];
  const iterated = (async () => {
    for await (const { state } of stage.handle) states.push(state);
  })();
  await stage.clock.advance(99);
  assert.deepEqual(states, ["pending"]);
  await stage.clock.advance(1);
  assert.deepEqual(states, ["pending", "pending"]);
  stage.work.resolve(RESULT);
  await iterated;
  assert.deepEqual([states.at(-1), states.length, stage.clock.sleepers], ["completed", 3, 0]);
});

test("a snapshot shows the retry that is waited for, while nothing is under way and until it is sent", async () => {
  const stage = new Stage();
  const retry = { atMs: stage.clock.wallMs() + 500, attempt: 2, reason: "the server answered 503" };
  assert.equal(stage.handle.snapshot.retry, undefined);
  {
    using _ = stage.progress.retryingAt(retry);
    assert.deepEqual(stage.handle.snapshot.retry, retry);
    {
      using _ = stage.progress.connected();
      assert.equal(stage.handle.snapshot.retry, undefined);
    }
    assert.deepEqual(stage.handle.snapshot.retry, retry);
  }
  assert.equal(stage.handle.snapshot.retry, undefined);
  stage.progress.retryingAt(retry);
  stage.work.resolve(RESULT);
  await stage.handle.wait();
  assert.equal(stage.handle.snapshot.retry, undefined);
});

test("the last snapshot stays as it is, whatever is removed later", async () => {
  const stage = new Stage();
  stage.progress.resumedAt(70, 100);
  stage.handle.cancel({ discard: true });
  await stage.clock.advance(100);
  await outcomeOf(stage);
  const { snapshot } = stage.handle;
  assert.deepEqual([snapshot.state, snapshot.downloaded], ["cancelled", 70]);
  stage.progress.restarted(100);
  assert.equal(stage.handle.snapshot, snapshot);
  await stage.obey();
});
