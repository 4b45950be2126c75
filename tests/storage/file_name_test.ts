import assert from "node:assert/strict";
import { test } from "node:test";
import {
  chooseFileName,
  fileNameFromUrl,
  refusedByWindows,
  sanitizeFileName,
} from "../../src/storage/file_name.ts";

const MAX_BYTES = 255 - 32;

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}

function assertSanitized(cases: Readonly<Record<string, string | undefined>>): void {
  for (const [name, wanted] of Object.entries(cases)) {
    assert.equal(sanitizeFileName(name), wanted, JSON.stringify(name));
    if (wanted !== undefined) {
      assert.equal(sanitizeFileName(wanted), wanted, `again: ${JSON.stringify(name)}`);
    }
  }
}

test("49: a name too long is shortened by bytes and keeps its extension", () => {
  for (const letter of ["a", "é", "文", "😀"]) {
    for (const extension of [".zip", ".tar.gz", ".safetensors", ".123456789012345"]) {
      const safe = sanitizeFileName(letter.repeat(300) + extension) ?? "";
      const room = MAX_BYTES - byteLength(extension);
      assert.equal(safe, letter.repeat(Math.floor(room / byteLength(letter))) + extension);
    }
  }
});

test("49: the longest name that fits with every suffix is kept whole", () => {
  const fits = "a".repeat(MAX_BYTES - 4) + ".zip";
  assertSanitized({ [fits]: fits, [`a${fits}`]: fits });
});

test("49: what is too long for an extension is shortened with the rest", () => {
  const endless = "a." + "b".repeat(300);
  assertSanitized({ [endless]: endless.slice(0, MAX_BYTES) });
});

test("49: shortening leaves no space or dot before the extension", () => {
  assertSanitized({ ["a".repeat(100) + " .".repeat(100) + " x.zip"]: "a".repeat(100) + ".zip" });
});

test("49: a name of a hundred thousand characters is shortened at once", () => {
  // Combining marks in the wrong order, which make normalizing slow.
  const startedAt = performance.now();
  const safe = sanitizeFileName("a" + "\u0301\u0316".repeat(50_000) + ".zip") ?? "";
  assert.ok(performance.now() - startedAt < 1000);
  assert.ok(safe.endsWith(".zip") && byteLength(safe) <= MAX_BYTES);
});

test("50: both Unicode forms of a name become the composed one", () => {
  assertSanitized({ "a\u0308.zip": "\u00e4.zip", "\u00e4.zip": "\u00e4.zip", "a\u200b\u0308": "\u00e4" });
});

test("67: a server's path, drive or alternate stream keeps only its base name", () => {
  assertSanitized({
    "../../etc/passwd": "passwd",
    "/etc/passwd": "passwd",
    "..\\..\\boot.ini": "boot.ini",
    "C:\\Windows\\win.ini": "win.ini",
    "\\\\host\\share\\x.zip": "x.zip",
    "a\\b/c\\d.zip": "d.zip",
    "C:x.zip": "x.zip",
    "file.txt:stream": "file.txt",
    "file.txt:evil.exe": "file.txt",
    "file.txt::$DATA": "file.txt",
    "file:stream": "file_stream",
    "C:D:x": "D_x",
  });
});

test("67: a name that is nothing but a path is no name", () => {
  assertSanitized({
    "": undefined,
    ".": undefined,
    "..": undefined,
    "/": undefined,
    "dir/": undefined,
    "a/..": undefined,
    "..\\": undefined,
    "C:": undefined,
    "C:..": undefined,
  });
});

test("67: characters that some system forbids become underscores", () => {
  assertSanitized({ '<a>"b"|c?*.zip': "_a__b__c__.zip", "Title: Part 2?.pdf": "Title_ Part 2_.pdf" });
});

test("68: leading dots, dashes and spaces are not kept", () => {
  assertSanitized({
    ".bashrc": "bashrc",
    "...hidden": "hidden",
    "-rf": "rf",
    "--output=x": "output=x",
    " . - a-b.c": "a-b.c",
    "\u00a0\u3000.profile": "profile",
    "\u200b.bashrc": "bashrc",
    "x/.ssh": "ssh",
    "C:.bashrc": "bashrc",
  });
});

test("69: device names of Windows are renamed on every system", () => {
  const plain = ["con", "PRN", "Aux", "nul", "com1", "COM9", "lpt1", "LPT9", "COM¹", "com²", "COM³", "lpt¹"];
  for (const device of [...plain, "CONIN$", "conout$"]) {
    assertSanitized({
      [device]: `_${device}`,
      [`${device}.txt`]: `_${device}.txt`,
      [`${device}.tar.gz`]: `_${device}.tar.gz`,
      [`${device} .txt`]: `_${device} .txt`,
      [`${device}.`]: `_${device}`,
      [`dir/${device}:x`]: `${device}_x`,
    });
  }
  for (const name of ["console.log", "com10", "com", "lpt0.txt", "nul-1", "a.con", "_con"]) {
    assertSanitized({ [name]: name });
  }
});

test("69: what Windows makes of a name that was asked for is said", () => {
  for (const name of ["nul", "CON.txt", "com1.tar.gz", "aux .txt", "LPT³"]) {
    assert.match(refusedByWindows(name) ?? "", /device/, name);
  }
  for (const name of ["a:b", "a.txt:stream", "a?", "*.bin", 'a"b', "a|b", "<a>", "a\tb"]) {
    assert.match(refusedByWindows(name) ?? "", /has none of/, name);
  }
  for (const name of ["file.", "file..", "file ", "a.txt. ."]) {
    assert.match(refusedByWindows(name) ?? "", /drops/, name);
  }
  for (const name of ["null", "console.log", ".hidden", "a b.tar.gz", "ü ñ"]) {
    assert.equal(refusedByWindows(name), undefined, name);
  }
});

test("69: a device name that appears by shortening is renamed too", () => {
  assertSanitized({ ["con" + " ".repeat(300) + "x.txt"]: "_con.txt" });
});

test("69: trailing dots and spaces are removed", () => {
  assertSanitized({
    "a.zip.": "a.zip",
    "a.zip. . ": "a.zip",
    "a ": "a",
    "a.zip\u00a0": "a.zip",
    "a...\u202e": "a",
  });
});

test("70: control, bidi, zero-width and line-separator characters are stripped", () => {
  assertSanitized({
    "a\0b\x1b[31m\n\r\t\x7f\x85\x9b.zip": "ab[31m.zip",
    "photo\u202egnp.exe": "photognp.exe",
    "\u061c\u200e\u200fa\u202a\u2066b\u2069.zip": "ab.zip",
    "a\u200b\u200c\u200d\u2060\ufeffb\u2028c\u2029": "abc",
    "\x1b\u202e": undefined,
  });
});

test("70: lone surrogates are replaced", () => {
  assertSanitized({ "a\ud83d.zip": "a\ufffd.zip", "\ude00": "\ufffd", "😀.zip": "😀.zip" });
});

test("71: a name that ends as bytehaul's own files do is renamed", () => {
  assertSanitized({
    "a.part": "a.part_",
    "a.PART": "a.PART_",
    "a.zip.bytehaul": "a.zip.bytehaul_",
    "a.ByteHaul.Lock": "a.ByteHaul.Lock_",
    "a.bytehaul.tmp": "a.bytehaul.tmp_",
    "a.bytehaul.bad": "a.bytehaul.bad_",
    "a.part. ": "a.part_",
    "a.part:stream": "a.part_",
    "a.pa\u200brt": "a.part_",
    "nul.part": "_nul.part_",
    "a.lock": "a.lock",
    "a.tmp": "a.tmp",
    "a.part.zip": "a.part.zip",
    "part": "part",
    ".part": "part",
    "a.part_": "a.part_",
  });
});

test("71: such an ending that appears by shortening is renamed too", () => {
  const hidden = "a".repeat(MAX_BYTES - 5) + ".part" + "x".repeat(20);
  assertSanitized({ [hidden]: "a".repeat(MAX_BYTES - 6) + ".part_" });
});

test("ordinary names stay as they are", () => {
  for (
    const name of [
      "file.zip",
      "linux-6.1.tar.xz",
      "My File (1).pdf",
      "文件.bin",
      "файл",
      "a+b=c&d,e;f@g#h%20.txt",
      "~x",
      "_y",
    ]
  ) assertSanitized({ [name]: name });
});

test("67-71: whatever the name, the result is safe and stays as it is", () => {
  const parts = [
    ...'ab/\\:.-_ <>"|?*\0\x1b\x7f\x9b\u00a0\u200b\u202e\u2028\u0301\u0338é文😀\ud83d\ude00¹$%',
    ...[
      "con",
      "NUL",
      "com1",
      "COM²",
      "CONIN$",
      ".part",
      ".bytehaul",
      ".lock",
      ".tmp",
      ".bad",
      ".tar",
      ".gz",
      "..",
      "C:",
    ],
    ..."a. 文".split("").map((character) => character.repeat(100)),
  ];
  let seed = 0x6279_7465;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(seed / 2 ** 32 * below);
  };

  for (let round = 0; round < 5000; round++) {
    const name = Array.from({ length: random(12) }, () => parts[random(parts.length)]).join("");
    const safe = sanitizeFileName(name);
    if (safe === undefined) continue;
    const told = `${JSON.stringify(name)} became ${JSON.stringify(safe)}`;
    assert.notEqual(safe, "", told);
    assert.doesNotMatch(safe, /[/\\:<>"|?*]/, told);
    assert.doesNotMatch(safe, /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u, told);
    assert.doesNotMatch(safe, /^[.\s-]|[.\s]$/, told);
    assert.doesNotMatch(safe, /\.(part|bytehaul(\.(lock|tmp|bad))?)$/i, told);
    assert.doesNotMatch(safe, /^(con|nul|com[1²]|conin\$)\s*(\.|$)/i, told);
    assert.ok(byteLength(safe) <= MAX_BYTES, told);
    assert.equal(safe.normalize("NFC"), safe, told);
    assert.equal(sanitizeFileName(safe), safe, told);
  }
});

test("the name in a URL is its last path segment, decoded", () => {
  const cases: Record<string, string | undefined> = {
    "https://example.com/dir/file.zip?name=other.zip#part": "file.zip",
    "https://example.com/a%20b%E2%82%AC%f0%9f%98%80.zip": "a b€😀.zip",
    "https://example.com/文件.zip": "文件.zip",
    "https://example.com/?file=a.zip": undefined,
    "https://example.com": undefined,
    "https://example.com/dir/": undefined,
    "no url": undefined,
  };
  for (const [url, name] of Object.entries(cases)) assert.equal(fileNameFromUrl(url), name, url);
});

test("invalid escapes in a URL stay as they are", () => {
  const cases: Record<string, string> = {
    "100%": "100%",
    "%zz%4": "%zz%4",
    "%20%E4%20": " %E4 ",
    "%ff%c3": "%ff%c3",
    "%c3%a4%80": "ä%80",
    "%c0%ae%ed%a0%80": "%c0%ae%ed%a0%80",
    "%2541": "%41",
  };
  for (const [segment, name] of Object.entries(cases)) {
    assert.equal(fileNameFromUrl(`https://example.com/${segment}`), name, segment);
  }
});

test("67: an escaped path in a URL keeps only its base name", () => {
  const name = fileNameFromUrl("https://example.com/x/..%2f..%2fetc%5cpasswd%00");
  assert.equal(name, "../../etc\\passwd\0");
  assert.equal(chooseFileName([name]), "passwd");
});

test("the first candidate that is a usable name is chosen", () => {
  assert.equal(chooseFileName([undefined, "", "../", ".a.zip", "b.zip"]), "a.zip");
  assert.equal(chooseFileName([undefined, "..", " "]), "download");
  assert.equal(chooseFileName([]), "download");
});
