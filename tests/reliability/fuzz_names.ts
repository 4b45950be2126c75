import { posix, win32 } from "node:path";
import { fileNameFromContentDisposition } from "../../src/http/fields/content_disposition.ts";
import { chooseFileName, fileNameFromUrl, sanitizeFileName } from "../../src/storage/file_name.ts";
import { asField, check, mutateText, nastyText } from "./fuzz_text.ts";
import type { Dice } from "./run_dice.ts";

const PARTS = [
  ...[
    "..",
    "../",
    "..\\",
    "/",
    "\\",
    ".",
    "-",
    " ",
    "~",
    "C:",
    "c:\\",
    "::$DATA",
    ":x",
    "\\\\?\\",
    "%2e%2e%2f",
  ],
  ...["con", "NUL", "nul.txt", "COM1", "com¹.x", "LPT9", "AUX ", "CONIN$", "PRN.tar.gz", "con ."],
  ...[".part", ".PART", ".bytehaul", ".bytehaul.lock", ".bytehaul.tmp", ".bytehaul.bad", ".ByteHaul"],
  ...[
    ".bashrc",
    "file",
    "file.bin",
    "report.tar.gz",
    ".zip",
    "日本語.txt",
    "naïve",
    "e\u0301",
    "😀",
    "x".repeat(300),
  ],
  ...["\0", "\r\n", "\u202egpj.exe", "\u200b", "\ufeff", "\u2028", "\x1b[31m", '"', "'", "|", "*", "?"],
];
// deno-lint-ignore no-control-regex -- what no name may have
const UNSAFE = /[\x00-\x1f\x7f-\x9f/\\:*?"<>|\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/;
const DEVICE = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$) *(\..*)?$/i;
const OURS = /\.(part|bytehaul|bytehaul\.(lock|tmp|bad))$/i;
const LONGEST_SUFFIX = ".bytehaul.lock";

function randomName(dice: Dice): string {
  let name = "";
  for (let parts = dice.between(1, 6); parts > 0; parts--) {
    name += dice.chance(0.8) ? dice.pick(PARTS) : nastyText(dice);
  }
  return name;
}

function checkName(name: string, input: string): void {
  const shown = { input, name };
  check(name !== "" && name !== "." && name !== "..", "no name", shown);
  check(!UNSAFE.test(name) && name.isWellFormed(), "a character that no name may have", shown);
  check(!/^[.\-\s]/.test(name), "hidden, or taken for an option", shown);
  check(!/[.\s]$/.test(name), "an end that Windows drops", shown);
  // COM0 and LPT0 are no devices, though some say so.
  check(!DEVICE.test(name) || /^(com|lpt)0/i.test(name), "a device", shown);
  check(!OURS.test(name), "one of our own files", shown);
  check(new TextEncoder().encode(name + LONGEST_SUFFIX).length <= 255, "too long", shown);
  check(name === name.normalize("NFC"), "not in normal form", shown);
  for (const { join, dirname, basename } of [posix, win32]) {
    const path = join("/downloads/here", name);
    check(
      dirname(path) === join("/downloads/here") && basename(path) === name,
      "out of the directory",
      shown,
    );
  }
  check(sanitizeFileName(name) === name, "not the same when sanitized again", shown);
}

function disposition(dice: Dice, name: string): string {
  const quoted = `"${name.replace(/["\\]/g, "\\$&")}"`;
  const utf8 = encodeURIComponent(name.toWellFormed());
  return dice.pick([
    `attachment; filename=${quoted}`,
    `attachment; filename=${name}`,
    `inline; filename*=UTF-8''${utf8}`,
    `attachment; filename=${quoted}; filename*=utf-8'en'${utf8}`,
    `attachment; filename*=iso-8859-1''${utf8}`,
    `filename="${name}`,
    name,
  ]);
}

/** A name as it is, in a `Content-Disposition` field, and in a URL. */
export function fuzzName(dice: Dice): void {
  const name = randomName(dice);
  checkName(chooseFileName([name]), name);
  const field = asField(mutateText(dice, disposition(dice, name)));
  checkName(chooseFileName([fileNameFromContentDisposition(field)]), field);
  const url = `http://example.com/a/${
    mutateText(dice, dice.chance(0.5) ? name : encodeURIComponent(name.toWellFormed()))
  }`;
  checkName(chooseFileName([fileNameFromUrl(url)]), url);
}

/** A harmless name, which must arrive as it was sent. */
export function fuzzHarmlessName(dice: Dice): void {
  const letters = "abcXYZ059 _-+()é日😀&'";
  let stem = "a";
  for (let length = dice.below(30); length > 0; length--) stem += dice.pick([...letters]);
  const name = `${stem.trim()}.${dice.pick(["bin", "tar.gz", "z"])}`;
  const utf8 = encodeURIComponent(name).replace(/'/g, "%27");
  const field = dice.chance(0.5) || /[^\x20-\x7e]/.test(name)
    ? `attachment; filename="old"; filename*=UTF-8''${utf8}`
    : `attachment; filename="${name}"`;
  check(
    chooseFileName([fileNameFromContentDisposition(field)]) === name,
    "a harmless name was changed",
    field,
  );
  check(
    chooseFileName([fileNameFromUrl(`http://h/d/${utf8}?q=/x`)]) === name,
    "a harmless name was changed",
    utf8,
  );
}
