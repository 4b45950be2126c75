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

const WIDTHS: Readonly<Record<string, readonly (readonly [text: string, cells: number])[]>> = {
  "nothing": [["", 0]],
  "letters of one cell": [["Grüße", 5], ["Ελλάδα", 6], ["привет", 6], ["½™·ˇ…", 5]],
  "combining marks": [["e\u0301\u0323", 1], ["שָׁלוֹם", 4], ["\u0301", 0], ["か\u3099", 2]],
  "spacing marks and conjuncts": [["की", 2], ["क्ष", 2]],
  "Chinese and Japanese": [["「文件」、。", 12], ["ひらがな", 8], ["カタカナー", 10], ["ㄅㄆ", 4], ["𠮷", 2]],
  "Hangul, composed and decomposed": [["한글", 4], ["한글".normalize("NFD"), 4]],
  "Yi and Tangut": [["ꀀ", 2], ["𗀀", 2]],
  "fullwidth and halfwidth forms": [["ＡＢ！", 6], ["\u3000", 2], ["￥", 2], ["ｱｲｳ", 3], ["｡", 1]],
  "emoji of one character": [["🚀🎉", 4], ["⌚", 2]],
  "pictures that are text unless marked": [["❤", 1], ["❤\ufe0e", 1], ["❤\ufe0f", 2], ["🌡\ufe0f", 2]],
  "flags": [["🇩🇪", 2], ["🇩🇪🇫🇷", 4], ["🏴󠁧󠁢󠁳󠁣󠁴󠁿", 2], ["🏳️‍🌈", 2]],
  "families and skin tones": [["👨‍👩‍👧‍👦", 2], ["👍🏽", 2], ["👩🏽‍🚀", 2]],
  "keycaps": [["1️⃣#️⃣", 4]],
  "characters that format": [["a\u200bb", 2], ["\u200d", 0]],
};

for (const [kind, texts] of Object.entries(WIDTHS)) {
  test(`textWidth() of ${kind}`, () => {
    for (const [text, cells] of texts) assert.equal(textWidth(text), cells, text);
  });
}

test("shortenMiddle() splits no emoji and takes no mark from its letter", () => {
  assert.equal(shortenMiddle("👨‍👩‍👧👨‍👩‍👧👨‍👩‍👧👨‍👩‍👧", 6), "👨‍👩‍👧…👨‍👩‍👧");
  assert.equal(shortenMiddle("e\u0301e\u0301e\u0301e\u0301", 3), "e\u0301…e\u0301");
  assert.equal(shortenMiddle("한글한글".normalize("NFD"), 5), "한…글".normalize("NFD"));
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
