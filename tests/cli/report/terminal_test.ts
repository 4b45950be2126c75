import assert from "node:assert/strict";
import { test } from "node:test";
import { Terminal } from "../../../src/cli/report/terminal.ts";
import { FakeHost } from "../fakes.ts";

/** A screen that understands what `Terminal` writes, lines wider than it wrapped. */
function screenAfter(output: string, width: number): string[] {
  const rows: string[] = [""];
  let y = 0;
  let x = 0;
  const put = (character: string) => {
    if (x === width) {
      x = 0;
      y++;
    }
    rows[y] = (rows[y] ?? "").padEnd(x).slice(0, x) + character + (rows[y] ?? "").slice(x + 1);
    x++;
  };
  // deno-lint-ignore no-control-regex
  for (const [token, up] of output.matchAll(/\x1b\[(\d+)A|\x1b\[[JK]|[\s\S]/g)) {
    if (up !== undefined) y = Math.max(0, y - Number(up));
    else if (token === "\r") x = 0;
    else if (token === "\n") [x, y] = [0, y + 1];
    else if (token === "\x1b[K") rows[y] = (rows[y] ?? "").slice(0, x);
    else if (token === "\x1b[J") rows.splice(y, Infinity, (rows[y] ?? "").slice(0, x));
    else put(token);
  }
  return Array.from(rows, (row = "") => row).filter((row, index, all) =>
    row !== "" || index < all.length - 1
  );
}

function setUp(isTerminal = true) {
  const host = new FakeHost(isTerminal);
  return { host, terminal: new Terminal(host), tick: () => host.clock.advance(100) };
}

test("Terminal draws immediately and then in place, ten times a second", async () => {
  const { host, terminal, tick } = setUp();
  const frames = [["one 10%", "two 10%"], ["one 20%", "two"], ["two 30%"], ["a", "b", "c"]];
  let frame = 0;
  terminal.start(() => frames[frame++] ?? []);
  assert.deepEqual(screenAfter(host.stderr, 80), frames[0]);
  await host.clock.advance(99);
  assert.equal(frame, 1);
  await host.clock.advance(1);
  assert.deepEqual(screenAfter(host.stderr, 80), frames[1]);
  for (const lines of frames.slice(2)) {
    await tick();
    assert.deepEqual(screenAfter(host.stderr, 80), lines);
  }
});

test("Terminal leaves the last cell of a line free", () => {
  const { host, terminal } = setUp();
  host.width = 40;
  let asked = 0;
  terminal.start((width) => [String(asked = width)]);
  assert.equal(asked, 39);
});

test("Terminal keeps printed lines above what it draws", async () => {
  const { host, terminal, tick } = setUp();
  terminal.print("first");
  terminal.start(() => ["bar", "sum"]);
  terminal.print("a longer line than the bar");
  assert.deepEqual(screenAfter(host.stderr, 80), ["first", "a longer line than the bar", "bar", "sum"]);
  await tick();
  assert.deepEqual(screenAfter(host.stderr, 80), ["first", "a longer line than the bar", "bar", "sum"]);
});

test("Terminal draws anew below a printed line, and is silent while there is nothing to draw", async () => {
  const { host, terminal, tick } = setUp();
  let lines = ["bar"];
  terminal.start(() => lines);
  lines = [];
  terminal.print("saved");
  assert.deepEqual(screenAfter(host.stderr, 80), ["saved"]);
  const before = host.stderr;
  await tick();
  terminal.stop();
  assert.equal(host.stderr, before);
});

test("Terminal.stop() removes what was drawn, and nothing else", () => {
  const { host, terminal } = setUp();
  terminal.print("kept");
  terminal.start(() => ["bar", "sum"]);
  terminal.stop();
  assert.deepEqual(screenAfter(host.stderr, 80), ["kept"]);
  assert.equal(host.clock.sleepers, 0);
  const before = host.stderr;
  terminal.stop();
  assert.equal(host.stderr, before);
});

test("Terminal counts the rows of lines that a narrower terminal wrapped", async () => {
  const { host, terminal, tick } = setUp();
  let lines = ["x".repeat(50), "y"];
  terminal.print("kept");
  terminal.start(() => lines);
  host.width = 20;
  const wrapped = host.stderr;
  lines = ["short", "y"];
  await tick();
  assert.deepEqual(screenAfter(wrapped, 20).length, 5);
  assert.deepEqual(screenAfter(host.stderr, 20), ["kept", "short", "y"]);
});

test("Terminal draws nothing where there is no terminal, and prints plainly", () => {
  const { host, terminal } = setUp(false);
  terminal.start(() => ["bar"]);
  terminal.print("line");
  terminal.stop();
  assert.equal(host.stderr, "line\n");
  assert.equal(host.clock.sleeps, 0);
});
