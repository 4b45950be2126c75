import assert from "node:assert/strict";
import { test } from "node:test";
import { type ProgressRow, renderProgress as render } from "../../../src/cli/report/progress_bar.ts";
import { textWidth } from "../../../src/cli/report/text_width.ts";
import type { DownloadState, ProgressSnapshot } from "../../../src/types.ts";
import { snapshot } from "../fakes.ts";

const NAME = "ubuntu-24.04-desktop-amd64.iso";

function row(changes: Partial<ProgressSnapshot> = {}, label = NAME) {
  return { label, snapshot: snapshot(changes) };
}

/** A tally that fits the rows. */
function renderProgress(rows: readonly ProgressRow[], width: number): string[] {
  const countOf = (...states: DownloadState[]) =>
    rows.filter(({ snapshot }) => states.includes(snapshot.state)).length;
  const tally = { done: countOf("completed"), failed: countOf("failed"), paused: countOf("paused") };
  return render(rows, { ...tally, total: rows.length }, width);
}

const unknown: Partial<ProgressSnapshot> = { total: undefined, etaSeconds: undefined, elapsedMs: 400 };

test("renderProgress() draws a running download at 80, 60, 40 and 20 columns", () => {
  const drawn = [80, 60, 40, 20].flatMap((width) => renderProgress([row()], width));
  assert.deepEqual(
    drawn,
    [
      "ubuntu-24…md64.iso  [====>     ]   50%   50.0/100 MiB  10.0 MiB/s     0:05    x8",
      "ubuntu-24…md64.iso  [====>      ]   50%  10.0 MiB/s     0:05",
      "ubuntu…64.iso   50%  10.0 MiB/s     0:05",
      "ubuntu-…64.iso   50%",
    ].map((line) => line),
  );
});

test("renderProgress() shows motion and bytes where the total is unknown", () => {
  const drawn = [80, 60, 40, 20].flatMap((width) => renderProgress([row(unknown)], width));
  assert.deepEqual(drawn, [
    "ubuntu-24…md64.iso  [    <=>   ]             50.0 MiB  10.0 MiB/s     -:--    x8",
    "ubuntu-24…md64.iso  [    <=>    ]   50M  10.0 MiB/s     -:--",
    "ubuntu…64.iso   50M  10.0 MiB/s     -:--",
    "ubuntu-…64.iso   50M",
  ]);
});

test("renderProgress() moves the mark to and fro", () => {
  const position = (elapsedMs: number) =>
    renderProgress([row({ ...unknown, elapsedMs }, "f")], 80)[0]?.indexOf("<");
  assert.deepEqual([0, 100, 200].map(position), [4, 5, 6]);
  const all = Array.from({ length: 200 }, (_, step) => position(step * 100));
  assert.ok(all.every((it, step) => step === 0 || Math.abs(Number(it) - Number(all[step - 1])) === 1));
});

test("renderProgress() shows why a row waits in place of its speed, and drops the bar before the reason", () => {
  const note = "retry in 4 s: the server answered 503";
  const drawn = [80, 60, 40, 20].flatMap((width) => renderProgress([{ ...row(), note }], width));
  assert.deepEqual(drawn, [
    "ubuntu-24…md64.iso  [====>     ]   50%  retry in 4 s: the server answered 503",
    "ubuntu-24…md64.iso   50%  retry in 4 s: the…ver answered 503",
    "ubuntu…64.iso   50%  retry in …wered 503",
    "ubuntu-…64.iso   50%",
  ]);
});

test("renderProgress() shows the note of each row, without what would act on the terminal", () => {
  const rows = [
    { ...row({}, "a"), note: "retry in 1 s: \x1b" },
    row({}, "b"),
    { ...row(unknown, "c"), note: "retry in 2 s: two" },
  ];
  assert.deepEqual(renderProgress(rows, 80).map((line) => line.replace(/\[.*\]/, "[]")), [
    "a  []   50%  retry in 1 s: \\u{1b}",
    "b  []   50%   50.0/100 MiB  10.0 MiB/s     0:05    x8",
    "c  []        retry in 2 s: two",
    "0 of 3 done, 30.0 MiB/s, 3 running",
  ]);
});

test("renderProgress() names every state that is not downloading", () => {
  const words = (["pending", "verifying"] as const).map((state) =>
    renderProgress([row({ state }, "f")], 80)[0]?.trim().split(/\s+/).at(-1)
  );
  assert.deepEqual(words, ["waiting", "verifying"]);
});

test("renderProgress() draws a file full when it is all there, and an empty one empty", () => {
  const full = row({ state: "verifying", downloaded: 100 * 2 ** 20 }, "f");
  const empty = row({ state: "verifying", downloaded: 0, total: 0 }, "f");
  assert.deepEqual([full, empty].flatMap((it) => renderProgress([it], 60)), [
    "f  [============================]  100%   verifying",
    "f  [                            ]    0%   verifying",
  ]);
});

test("renderProgress() says 100% only when every byte is there", () => {
  assert.match(renderProgress([row({ downloaded: 100 * 2 ** 20 - 1 })], 80)[0] ?? "", / 99% /);
});

test("renderProgress() never exceeds the width", () => {
  const labels = [NAME, "f", "文件文件文件文件文件文件文件文件.iso", "a\x1b[31m\u202eb", ""];
  const big = { downloaded: 900 * 2 ** 30, total: 999 * 2 ** 30, speed: 999 * 2 ** 20, connections: 256 };
  for (const changes of [{}, unknown, { ...big, etaSeconds: 1e9 }, { ...big, etaSeconds: 86_000 }]) {
    for (const state of ["pending", "downloading", "verifying"] satisfies DownloadState[]) {
      const rows: ProgressRow[] = labels.map((label) => row({ ...changes, state }, label));
      for (const note of ["retry in 4 s: 文件文件 is odd", "!"]) rows.push({ ...row(changes), note });
      for (let width = 1; width <= 250; width++) {
        for (const line of renderProgress(rows, width)) {
          assert.ok(textWidth(line) <= width, `${width}: ${line}`);
        }
      }
    }
  }
});

test("renderProgress() escapes what would act on the terminal", () => {
  const [line = ""] = renderProgress([row({}, "a\x1b[2Jb\u202e\n.iso")], 200);
  assert.ok(line.startsWith("a\\u{1b}[2Jb\\u{202e}\\u{a}.iso "));
});

test("renderProgress() lines up several downloads and sums them up", () => {
  const rows = [
    row({}, "short"),
    row(unknown, "文件.iso"),
    row({ state: "pending", downloaded: 0, connections: 0 }, NAME),
    row({ state: "completed" }, "gone.iso"),
    row({ state: "failed" }, "bad.iso"),
  ];
  assert.deepEqual(renderProgress(rows, 80), [
    "short               [====>     ]   50%   50.0/100 MiB  10.0 MiB/s     0:05    x8",
    "文件.iso            [    <=>   ]             50.0 MiB  10.0 MiB/s     -:--    x8",
    "ubuntu-24…md64.iso  [          ]    0%   0.00/100 MiB     waiting",
    "1 of 5 done, 20.0 MiB/s, 2 running, 1 waiting, 1 failed",
  ]);
});

test("renderProgress() shows ten rows at most, the running ones first, and counts all", () => {
  const rows = Array.from(
    { length: 30 },
    (_, index) => row({ state: index < 25 ? "pending" : "downloading" }, `f${index}`),
  );
  const lines = renderProgress(rows, 80);
  assert.deepEqual(
    lines.slice(0, 10).map((line) => line.split(" ")[0]),
    ["f25", "f26", "f27", "f28", "f29", "f0", "f1", "f2", "f3", "f4"],
  );
  assert.deepEqual(lines.slice(10), ["0 of 30 done, 50.0 MiB/s, 5 running, 25 waiting"]);
  assert.deepEqual(renderProgress(rows, 30).slice(10), ["0 of 30 done, 50.0 MiB/s"]);
});

test("renderProgress() draws nothing once all are finished", () => {
  const states = ["completed", "failed", "cancelled", "paused"] as const;
  assert.deepEqual(renderProgress(states.map((state) => row({ state })), 80), []);
});

test("renderProgress() draws nothing for nothing", () => {
  assert.deepEqual(renderProgress([], 80), []);
});
