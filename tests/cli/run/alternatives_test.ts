import assert from "node:assert/strict";
import { test } from "node:test";
import { Alternatives } from "../../../src/cli/run/alternatives.ts";
import { DownloadError, type DownloadErrorCode } from "../../../src/errors.ts";
import { FakeHandle, snapshot } from "../fakes.ts";

function begin(count: number) {
  const handles: FakeHandle[] = [];
  const passed: string[] = [];
  const alternatives = new Alternatives({
    specs: Array.from({ length: count }, (_, index) => ({ url: `http://h${index}/` })),
    download: () => handles[handles.push(new FakeHandle(snapshot())) - 1]!,
    onNext: (url, { code }) => passed.push(`${url} ${code}`),
  });
  return { alternatives, handles, passed };
}

const failure = (code: DownloadErrorCode) => new DownloadError(code, `Cannot: ${code}`);
const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

test("the next URL is tried when a server failed, and not before", async () => {
  const { alternatives, handles, passed } = begin(3);
  assert.deepEqual([handles.length, alternatives.url], [1, "http://h0/"]);
  handles[0]!.fail(failure("http_status"));
  await turn();
  assert.deepEqual([handles.length, alternatives.url], [2, "http://h1/"]);
  handles[1]!.finish({ path: "there" });
  assert.equal((await alternatives.wait()).path, "there");
  assert.deepEqual(passed, ["http://h0/ http_status"]);
  assert.equal(handles.length, 2);
});

test("what is wrong here is not tried with another URL", async () => {
  for (const code of ["disk_full", "output_exists", "output_locked", "storage", "cancelled"] as const) {
    const { alternatives, handles } = begin(2);
    handles[0]!.fail(failure(code));
    await assert.rejects(alternatives.wait(), { code });
    assert.equal(handles.length, 1);
  }
  const { alternatives, handles } = begin(2);
  handles[0]!.fail(new TypeError("Cannot use it"));
  await assert.rejects(alternatives.wait(), TypeError);
  assert.equal(handles.length, 1);
});

test("when all failed the last failure is told, but not that an unfinished file is another's", async () => {
  const told = async (...codes: readonly DownloadErrorCode[]) => {
    const { alternatives, handles } = begin(codes.length);
    for (const [index, code] of codes.entries()) {
      handles[index]!.fail(failure(code));
      await turn();
    }
    return await alternatives.wait().catch(({ code }) => code);
  };
  assert.equal(await told("timeout", "http_status"), "http_status");
  assert.equal(await told("timeout", "control_file"), "timeout");
  assert.equal(await told("control_file", "http_status"), "http_status");
});

test("a pause stops the one that runs, and no other is begun", async () => {
  const { alternatives, handles } = begin(3);
  handles[0]!.fail(failure("connect"));
  await turn();
  alternatives.pause();
  await assert.rejects(alternatives.wait(), { code: "paused" });
  assert.deepEqual([handles.length, handles[1]!.pauses, alternatives.snapshot.state], [2, 1, "paused"]);
});

test("its snapshots are those of all, and show a failure only where it is the end", async () => {
  const { alternatives, handles } = begin(2);
  const states: string[] = [];
  const watching = (async () => {
    for await (const { state } of alternatives) states.push(state);
  })();
  await turn();
  handles[0]!.fail(failure("connect"));
  await turn();
  handles[1]!.fail(failure("connect"));
  await watching;
  assert.deepEqual(states, ["downloading", "downloading", "failed"]);
});
