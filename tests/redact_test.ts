import assert from "node:assert/strict";
import { test } from "node:test";
import { redact } from "../src/redact.ts";

const CASES: readonly (readonly [text: string, redacted: string])[] = [
  ["https://example.com/a/b?token=1#part", "https://example.com/a/b"],
  ["http://user:pass@example.com:8080/a", "http://example.com:8080/a"],
  ["no URL at all: 5 of 7", "no URL at all: 5 of 7"],
  ["GET http://a/?k=1 and https://b/c?k=2, then", "GET http://a/ and https://b/c then"],
  ['error for url ("https://a.example/x?sig=1")', 'error for url ("https://a.example/x")'],
  ["socks5h://me:secret@proxy.example:1080", "socks5h://proxy.example:1080"],
  ["http://user:pa ss@host/", "http://*** ss@host/"],
  ["https://[broken?token=1", "https://***"],
  [`${"x".repeat(40)}://me:secret@host/a?k=1`, `${"x".repeat(40)}://host/a`],
  [`a${"1".repeat(40)}://me:secret@host/a?k=1`, `a${"1".repeat(40)}://***`],
];

for (const [text, redacted] of CASES) {
  test(`redact() of ${JSON.stringify(text)}`, () => assert.equal(redact(text), redacted));
}
