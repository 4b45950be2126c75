import assert from "node:assert/strict";
import { test } from "node:test";
import { type ListEntry, ListParser } from "../../../src/cli/list/list_parser.ts";

function parse(...parts: readonly string[]): ListEntry[] {
  const parser = new ListParser();
  return [...parts.flatMap((part) => parser.push(part)), ...parser.end()];
}

const LIST = [
  "# a comment",
  "",
  "http://a/1",
  "http://a/2\thttp://b/2\t",
  "  out=two",
  "# between",
  "\theader = A: b=c",
  "   ",
  "http://a/3\r",
  " dir=\r",
].join("\n");

const ENTRIES: ListEntry[] = [
  { line: 3, urls: ["http://a/1"], options: [] },
  {
    line: 4,
    urls: ["http://a/2", "http://b/2"],
    options: [{ line: 5, name: "out", value: "two" }, { line: 7, name: "header", value: "A: b=c" }],
  },
  { line: 9, urls: ["http://a/3"], options: [{ line: 10, name: "dir", value: "" }] },
];

test("ListParser reads URLs, alternatives, options, comments and empty lines", () => {
  assert.deepEqual(parse(LIST), ENTRIES);
  assert.deepEqual(parse(`${LIST}\n`), ENTRIES);
  assert.deepEqual(parse(""), []);
});

test("ListParser does not mind where the text is cut", () => {
  assert.deepEqual(parse(...LIST), ENTRIES);
  for (let at = 1; at < LIST.length; at++) {
    assert.deepEqual(parse(LIST.slice(0, at), LIST.slice(at)), ENTRIES);
  }
});

test("ListParser hands an entry out as soon as the next one begins", () => {
  const parser = new ListParser();
  assert.deepEqual(parser.push("http://a/1\n"), []);
  assert.deepEqual(parser.push("http://a/2\n").map(({ urls }) => urls), [["http://a/1"]]);
});

test("ListParser says which line is wrong and goes on after it", () => {
  const faults = (text: string) => parse(text).map(({ line, fault }) => [line, fault?.line, fault?.reason]);
  assert.deepEqual(faults(" out=a\nhttp://a/1"), [
    [1, 1, "it starts with a blank, as an option does, but is above the first URL"],
    [2, undefined, undefined],
  ]);
  assert.deepEqual(faults("http://a/1\n out\n dir=x\nhttp://a/2"), [
    [1, 2, "expected an option such as out=NAME"],
    [4, undefined, undefined],
  ]);
});

test("ListParser keeps nothing of a line without end", () => {
  const parser = new ListParser();
  for (let part = 0; part < 100; part++) assert.deepEqual(parser.push("x".repeat(65_536)), []);
  const [entry, ...others] = [...parser.push("\nhttp://a/1\n"), ...parser.end()];
  assert.deepEqual(entry, {
    line: 1,
    urls: [],
    options: [],
    fault: { line: 1, reason: "it has more than 65536 characters" },
  });
  assert.deepEqual(others.map(({ urls }) => urls), [["http://a/1"]]);
});
