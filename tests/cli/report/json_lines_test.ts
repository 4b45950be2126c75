import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeJsonLine, type JsonLine } from "../../../src/cli/report/json_lines.ts";

test("encodeJsonLine() writes one line that reads back the same", () => {
  const line: JsonLine = {
    type: "error",
    url: "https://h/\u{e0041}",
    index: 1,
    code: "network",
    message: "a\nb\u2028",
    retryable: true,
  };
  const text = encodeJsonLine(line);
  assert.match(text, /^[^\n]+\n$/);
  assert.deepEqual(JSON.parse(text), line);
});

test("encodeJsonLine() lets no character through that a terminal would obey", () => {
  const text = encodeJsonLine({
    type: "log",
    level: "info",
    message: "\x1b[31m\x7f\x9b2J\u202e\u2028\u{e0041}",
  });
  assert.equal(
    text,
    '{"type":"log","level":"info","message":"\\u001b[31m\\u007f\\u009b2J\\u202e\\u2028\\udb40\\udc41"}\n',
  );
});
