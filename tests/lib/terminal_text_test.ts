import assert from "node:assert/strict";
import { test } from "node:test";
import { escapeForTerminal, stripUnprintable } from "../../src/lib/terminal_text.ts";

test("70: escape sequences are shown and not obeyed", () => {
  assert.equal(escapeForTerminal("\x1b[2Jgone\x07"), "\\u{1b}[2Jgone\\u{7}");
  assert.equal(escapeForTerminal("\x9b31m \x7f"), "\\u{9b}31m \\u{7f}");
});

test("70: bidi controls, zero-width characters and lone surrogates are shown", () => {
  assert.equal(escapeForTerminal("photo\u202egnp.exe"), "photo\\u{202e}gnp.exe");
  assert.equal(
    escapeForTerminal("\u2066a\u2069\u200b\ufeff\u{e0041}"),
    "\\u{2066}a\\u{2069}\\u{200b}\\u{feff}\\u{e0041}",
  );
  assert.equal(escapeForTerminal("\ud800x\udc00"), "\\u{d800}x\\u{dc00}");
});

test("70: nothing breaks or rewrites a line", () => {
  assert.equal(
    escapeForTerminal("a\r\nb\tc\u2028d\u2029\x85"),
    "a\\u{d}\\u{a}b\\u{9}c\\u{2028}d\\u{2029}\\u{85}",
  );
});

test("visible text is printed as it is", () => {
  for (const text of ["", "C:\\data\\\\x.zip", "naïve — 文件 файл.tar.gz", "😀 𝒳", "e\u0301"]) {
    assert.equal(escapeForTerminal(text), text);
    assert.equal(stripUnprintable(text), text);
  }
});

test("70: stripping removes what escaping would show", () => {
  assert.equal(stripUnprintable("a\x00\x1b\u202eb\u200d\u2028\udfffc"), "abc");
});
