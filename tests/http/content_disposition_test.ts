import assert from "node:assert/strict";
import { test } from "node:test";
import { fileNameFromContentDisposition } from "../../src/http/content_disposition.ts";

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
    const broken of [
      "UTF-8''%",
      "UTF-8''a%4",
      "UTF-8''%zz.zip",
      "UTF-8''%ff.zip",
      "UTF-8''%c3.zip",
      "UTF-8''%ed%a0%80.zip",
      "UTF-8''\u0141.zip",
      "UTF-8'a.zip",
      "a.zip",
      "''a.zip",
      "koi8-r''%c1.zip",
      "",
    ]
  ) {
    assertNames([
      [`attachment; filename*=${broken}; filename="plain.zip"`, "plain.zip"],
      [`attachment; filename=plain.zip; filename*=${broken}`, "plain.zip"],
      [`attachment; filename*=${broken}`, undefined],
    ]);
  }
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

test("encoded words and percent signs in a plain filename stay as they are", () => {
  assertNames([
    ['attachment; filename="=?UTF-8?Q?=C3=A4.zip?="', "=?UTF-8?Q?=C3=A4.zip?="],
    ['attachment; filename="100%25.zip"', "100%25.zip"],
    ["attachment; filename*0=a; filename*1=b.zip", undefined],
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
