import assert from "node:assert/strict";
import { test } from "node:test";
import { padToWidth, shortenMiddle, textWidth } from "../../../src/cli/report/text_width.ts";

test("textWidth() counts cells, not characters", () => {
  assert.equal(textWidth("plain"), 5);
  assert.equal(textWidth("文件"), 4);
  assert.equal(textWidth("한글"), 4);
  assert.equal(textWidth("🚀"), 2);
  assert.equal(textWidth("e\u0301"), 1);
});

test("shortenMiddle() leaves what fits, and else both ends", () => {
  assert.equal(shortenMiddle("short.iso", 9), "short.iso");
  assert.equal(shortenMiddle("ubuntu-24.04-desktop.iso", 12), "ubuntu…p.iso");
  assert.equal(shortenMiddle("abc", 1), "…");
  assert.equal(shortenMiddle("abc", 0), "");
});

test("shortenMiddle() never splits a wide character nor exceeds the width", () => {
  assert.equal(shortenMiddle("文件文件文件", 6), "文…件");
  for (let width = 0; width < 20; width++) {
    assert.ok(textWidth(shortenMiddle("文a件🚀b文c件", width)) <= width, String(width));
  }
});

test("padToWidth() fills up cells", () => {
  assert.equal(padToWidth("文", 4), "文  ");
  assert.equal(padToWidth("long", 2), "long");
});
