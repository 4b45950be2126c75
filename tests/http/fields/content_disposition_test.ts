import assert from "node:assert/strict";
import { test } from "node:test";
import { fileNameFromContentDisposition } from "../../../src/http/fields/content_disposition.ts";

function assertNames(cases: readonly (readonly [header: string, name: string | undefined])[]): void {
  for (const [header, name] of cases) assert.equal(fileNameFromContentDisposition(header), name, header);
}

/** What a runtime makes of a header that was sent as raw UTF-8. */
function asLatin1(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}

test("a token or a quoted string names the file, whatever the disposition type", () => {
  assertNames([
    ["attachment; filename=file.zip", "file.zip"],
    ["inline; filename=file.zip", "file.zip"],
    ['attachment; filename="a file.zip"', "a file.zip"],
    ["x-other; filename=file.zip", "file.zip"],
    ["filename=file.zip", "file.zip"],
    ["attachment; filename=a file.zip ", "a file.zip"],
  ]);
});

test("a header without a name gives none", () => {
  assertNames([
    ["", undefined],
    ["attachment", undefined],
    ["attachment;;; ;", undefined],
    ["attachment; filename", undefined],
    ["attachment; filename=", undefined],
    ['attachment; filename=""', undefined],
    ["attachment; filename*=UTF-8''", undefined],
    ["attachment; name=file.zip", undefined],
    ["attachment; xfilename=file.zip", undefined],
    ['attachment; name="filename=file.zip"', undefined],
  ]);
});

test("parameters come in any order and case, with any space around them", () => {
  assertNames([
    ['ATTACHMENT;FileName="a.zip";size=3', "a.zip"],
    ["attachment; size=3; FILENAME\t=  a.zip ;x", "a.zip"],
    ["attachment; FILENAME*=utf-8'de'%C3%A4.zip; filename=a.zip", "ä.zip"],
    ['attachment; creation-date="x;filename=b.zip"; filename=a.zip', "a.zip"],
  ]);
});

test("semicolons, quotes and backslashes inside a quoted string belong to the name", () => {
  assertNames([
    ['attachment; filename="a;b=c.zip"', "a;b=c.zip"],
    [String.raw`attachment; filename="a\"b.zip"; x=y`, 'a"b.zip'],
    [String.raw`attachment; filename="a\\b\c.zip"`, String.raw`a\bc.zip`],
    [String.raw`attachment; filename="\\"; x="y"`, "\\"],
    [`attachment; filename="it's.zip"`, "it's.zip"],
  ]);
});

test("filename* wins over filename, before or behind it", () => {
  assertNames([
    ["attachment; filename=plain.zip; filename*=UTF-8''%e2%82%ac%20rates.zip", "€ rates.zip"],
    ["attachment; filename*=UTF-8'en'%e2%82%ac.zip; filename=plain.zip", "€.zip"],
    ["attachment; filename*=iso-8859-1''%A3%e4.zip; filename=plain.zip", "£ä.zip"],
    [`attachment; filename*="UTF-8''%c3%a4.zip"`, "ä.zip"],
    ["attachment; filename*=UTF-8''it's%27.zip", "it's'.zip"],
    [`attachment; filename*=UTF-8''${asLatin1("ä")}%c3%a4.zip`, "ää.zip"],
  ]);
});

test("a filename* that is broken or in an unknown charset falls back to filename", () => {
  for (
    const [broken, alone] of [
      ["UTF-8''%", "%"],
      ["UTF-8''a%4", "a%4"],
      ["UTF-8''%zz.zip", "%zz.zip"],
      ["UTF-8''%ff.zip", "%ff.zip"],
      ["UTF-8''%c3.zip", "%c3.zip"],
      ["UTF-8''%ed%a0%80.zip", "%ed%a0%80.zip"],
      ["UTF-8''\u0141.zip", "\u0141.zip"],
      ["UTF-8'a%20b.zip", "a b.zip"],
      ["a%20b.zip", "a b.zip"],
      ["it's.zip", "it's.zip"],
      ["''a.zip", "a.zip"],
      ["klingon''%c1.zip", "%c1.zip"],
      ["klingon''%c3%a4.zip", "ä.zip"],
      ["", undefined],
    ]
  ) {
    assertNames([
      [`attachment; filename*=${broken}; filename="plain.zip"`, "plain.zip"],
      [`attachment; filename=plain.zip; filename*=${broken}`, "plain.zip"],
      [`attachment; filename*=${broken}`, alone],
    ]);
  }
});

test("97 a filename* in any charset that the runtime knows, quoted or not", () => {
  assertNames([
    ["attachment; filename*=koi8-r''%c1.zip", "а.zip"],
    ["attachment; filename*=GBK''%D6%D0.zip", "中.zip"],
    ["attachment; filename*=Shift_JIS'ja'%93%FA.zip", "日.zip"],
    ["attachment; filename*=windows-1252''%80.zip", "€.zip"],
    ["attachment; filename*=utf8''%c3%a4.zip", "ä.zip"],
    [`attachment; filename*=UTF-8''"%c3%a4 b.zip"`, "ä b.zip"],
    [`attachment; filename*="UTF-8''%c3%a4.zip`, "ä.zip"],
    ["attachment; filename*=UTF-8''a, b.zip", "a, b.zip"],
  ]);
});

test("of several names the first usable one counts", () => {
  assertNames([
    ["attachment; filename=a.zip; filename=b.zip", "a.zip"],
    ['attachment; filename=""; filename=b.zip', "b.zip"],
    ['attachment; filename="a.zip", attachment; filename="b.zip"', "a.zip"],
    ["attachment; filename*=UTF-8''%ff; filename*=UTF-8''b.zip", "b.zip"],
  ]);
});

test("an unterminated quote reaches to the end", () => {
  assertNames([
    ['attachment; filename="a.zip', "a.zip"],
    ['attachment; filename="a; b.zip', "a; b.zip"],
    ['attachment; filename="a.zip\\', "a.zip"],
    ['attachment; filename="a.zip\\"', 'a.zip"'],
    ['attachment; filename="', undefined],
    ['attachment; filename="\\', undefined],
  ]);
});

test("raw UTF-8, which arrives as Latin-1, is put together again", () => {
  const name = "文件 ä😀.zip";
  assertNames([
    [`attachment; filename="${asLatin1(name)}"`, name],
    [`attachment; filename=${asLatin1(name)}`, name],
    ['attachment; filename="caf\xe9.zip"', "caf\xe9.zip"],
    ['attachment; filename="\u0141\xc3\xa4.zip"', "\u0141\xc3\xa4.zip"],
  ]);
});

test("97 a field that was sent twice and joined: the first one that has a name counts", () => {
  assertNames([
    ["attachment; filename=a.bin, attachment; filename=b.bin", "a.bin"],
    ["attachment; filename=a.bin,inline;filename=b.bin", "a.bin"],
    ['attachment; filename="a.bin", attachment; filename="b.bin"', "a.bin"],
    ['attachment; filename="a.bin", x-other; filename="b.bin"', "a.bin"],
    ["attachment; filename=a.bin, filename=b.bin", "a.bin"],
    ["attachment; filename=a.bin, attachment", "a.bin"],
    ["attachment, attachment; filename=b.bin", "b.bin"],
    ['attachment; filename="", attachment; filename="b.bin"', "b.bin"],
    ["attachment; filename=a.bin, attachment; filename*=UTF-8''b.bin", "a.bin"],
    ["attachment; filename*=UTF-8''a.bin, attachment; filename*=UTF-8''b.bin", "a.bin"],
    ["attachment; filename=a.bin; size=3, attachment; filename=b.bin; size=4", "a.bin"],
    ['attachment; filename="a.bin, attachment; filename="b.bin"', "a.bin"],
  ]);
});

test("97 commas inside a name stay", () => {
  assertNames([
    ["attachment; filename=Report, final.pdf", "Report, final.pdf"],
    ["attachment; filename=a, b; size=3", "a, b"],
    ["attachment; filename=a,b,c.bin", "a,b,c.bin"],
    ["attachment; filename=Notes, inline.txt", "Notes, inline.txt"],
    ["attachment; filename=attachments, 2.zip, attachment; filename=b.bin", "attachments, 2.zip"],
    ['attachment; filename="a, attachment; b.bin"', "a, attachment; b.bin"],
    [
      "attachment; filename=Report, final; filename*=UTF-8''Report%2C%20final.pdf",
      "Report, final.pdf",
    ],
  ]);
});

test("97 words of RFC 2047 are decoded", () => {
  assertNames([
    ['attachment; filename="=?UTF-8?Q?=C3=A4_b.zip?="', "ä b.zip"],
    ['attachment; filename="=?utf-8?B?5paH5Lu2LnppcA==?="', "文件.zip"],
    ["attachment; filename==?UTF-8?b?5paH5Lu2LnppcA==?=", "文件.zip"],
    ["attachment; filename==?UTF-8?Q?a=3Bb=2Cc.zip?=", "a;b,c.zip"],
    ['attachment; filename="=?UTF-8?B?5paH?= =?UTF-8?B?5Lu2LnppcA==?="', "文件.zip"],
    // The second character is cut between the words.
    ['attachment; filename="=?UTF-8?B?5paH5A==?=\t=?UTF-8?B?u7YuemlwCg==?="', "文件.zip\n"],
    ['attachment; filename="=?UTF-8?Q?=C3=A4?= b.zip"', "ä b.zip"],
    ['attachment; filename="a =?ISO-8859-1?Q?=E9?=.zip"', "a é.zip"],
    ['attachment; filename="=?GB2312?B?1tA=?=.zip"', "中.zip"],
    ['attachment; filename="=?koi8-r?q?=C1?= =?UTF-8?q?=C3=A4?="', "аä"],
    ['attachment; filename="=?UTF-8*en?Q?=C3=A4.zip?="', "ä.zip"],
    ['attachment; filename="=?UTF-8?Q?100%25.zip?="', "100%25.zip"],
    ['attachment; filename="=?klingon?Q?a.zip?="', "=?klingon?Q?a.zip?="],
    ['attachment; filename="=?UTF-8?B?!!!?="', "=?UTF-8?B?!!!?="],
    ['attachment; filename="=?UTF-8?Q?=FF?="', "=?UTF-8?Q?=FF?="],
    ['attachment; filename="=?UTF-8?X?a?="', "=?UTF-8?X?a?="],
  ]);
});

test("97 percent signs in a plain name are decoded as browsers do", () => {
  assertNames([
    ['attachment; filename="a%20b.bin"', "a b.bin"],
    ["attachment; filename=%E6%96%87%e4%bb%b6.zip", "文件.zip"],
    ['attachment; filename="100%25.zip"', "100%.zip"],
    ['attachment; filename="100%.zip"', "100%.zip"],
    ['attachment; filename="50%zz%20off%ff.zip"', "50%zz off%ff.zip"],
    [`attachment; filename="${asLatin1("ä")}%20b.zip"`, "ä b.zip"],
  ]);
});

test("97 quotes that are missing, or too many", () => {
  assertNames([
    ['attachment; filename=a.bin"', "a.bin"],
    ['attachment; filename="a.bin; size=3', "a.bin"],
    [`attachment; filename="a.bin; filename*=UTF-8''b.bin`, "b.bin"],
    ['attachment; filename="my "cool" file.bin"; size=3', 'my "cool" file.bin'],
    ['attachment; filename="a.bin"x; size=3', "a.bin"],
    ["attachment; filename='a b.bin'", "a b.bin"],
    ["attachment; filename=it's.bin", "it's.bin"],
  ]);
});

test("97 a name in several parts (RFC 2231) is put together where there is no other", () => {
  assertNames([
    ["attachment; filename*0=a; filename*1=b.zip", "ab.zip"],
    [`attachment; filename*0*=UTF-8''%c3%a4; filename*1="100%25.zip"`, "ä100%25.zip"],
    ['attachment; filename*0="a"; filename*2="c"', "a"],
    ['attachment; filename*1="b"', undefined],
    ['attachment; filename*0="a"; filename="b.zip"', "b.zip"],
  ]);
});

test("67: a hostile path is handed on as the server wrote it", () => {
  assertNames([
    ['attachment; filename="../../etc/passwd"', "../../etc/passwd"],
    ["attachment; filename*=UTF-8''..%2f..%5cx%00", "../..\\x\0"],
  ]);
});

test("77: a hostile header takes linear time", () => {
  const hostile = [
    ";",
    "=",
    '"',
    "\\",
    "'",
    "%",
    " ",
    "a",
    '=";',
    'filename="',
    "filename*=UTF-8'",
    "%c3",
    '\\"',
  ];
  for (
    const start of ["", 'attachment; filename="', "attachment; filename=", "attachment; filename*=UTF-8''"]
  ) {
    for (const unit of hostile) {
      const header = start + unit.repeat(100_000 / unit.length);
      const startedAt = performance.now();
      fileNameFromContentDisposition(header);
      const elapsedMs = performance.now() - startedAt;
      assert.ok(elapsedMs < 1000, `${start}${unit}… took ${elapsedMs} ms`);
    }
  }
});
