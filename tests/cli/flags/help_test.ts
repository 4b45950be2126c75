import assert from "node:assert/strict";
import { test } from "node:test";
import { FLAG_GROUPS, FLAGS } from "../../../src/cli/flags/flags.ts";
import { helpText } from "../../../src/cli/flags/help.ts";

test("helpText() fits a terminal of 80 columns, without trailing spaces", () => {
  for (const line of helpText().split("\n")) {
    assert.ok(line.length <= 80, line);
    assert.doesNotMatch(line, /\s$/);
  }
});

test("helpText() shows every flag once, under its heading", () => {
  const text = helpText();
  for (const { name, short } of FLAGS) {
    const pattern = new RegExp(`^  ${short === undefined ? "   " : `-${short},`} --${name} `, "gm");
    assert.equal(text.match(pattern)?.length, 1, name);
  }
  const headings = FLAG_GROUPS.map(({ title }) => text.indexOf(`\n${title}:\n`));
  assert.ok(headings.every((position, index) => position > (headings[index - 1] ?? 0)));
});

test("helpText() keeps a flag, its text and its default apart and whole", () => {
  assert.match(
    helpText(),
    /\n {6}--min-segment-size SIZE {2}the fewest bytes in one request \(default 256k\)\n/,
  );
});

test("helpText() has examples and exit statuses", () => {
  for (const part of ["Usage: bytehaul", "Examples:", "Exit status:", "\n  130  "]) {
    assert.ok(helpText().includes(part), part);
  }
});
