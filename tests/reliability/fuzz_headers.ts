import { Buffer } from "node:buffer";
import { DownloadError } from "../../src/errors.ts";
import { contentLength, parseRetryAfter } from "../../src/http/fields/headers.ts";
import { agree, identifiesVersion, strongValidator } from "../../src/http/validator.ts";
import { publishedDigest } from "../../src/http/fields/published_digest.ts";
import { parseContentRange } from "../../src/http/fields/range.ts";
import { checkResponse } from "../../src/http/response_check.ts";
import type { Validator } from "../../src/types.ts";
import { asField, check, mutateText } from "./fuzz_text.ts";
import type { Dice } from "./run_dice.ts";

const WALL_MS = Date.UTC(2026, 0, 1);

function randomCount(dice: Dice): string {
  return dice.pick([
    `${dice.below(2_000_000)}`,
    `${dice.below(100)}`,
    "0",
    `${2 ** 53 - 1}`,
    `${2 ** 53}`,
    "9".repeat(dice.between(15, 400)),
    "007",
  ]);
}

/** `Content-Range`: what is read is what is written there, and it fits together. */
export function fuzzContentRange(dice: Dice): void {
  const [start, last, size] = [randomCount(dice), randomCount(dice), randomCount(dice)];
  const right = dice.pick([`bytes ${start}-${last}/${size}`, `bytes ${start}-${last}/*`, `bytes */${size}`]);
  const field = mutateText(dice, right);
  const read = parseContentRange(field);
  if (field === right && !right.includes("*")) {
    const [from, to, whole] = [BigInt(start), BigInt(last), BigInt(size)];
    const isRight = from <= to && to < whole && whole < BigInt(Number.MAX_SAFE_INTEGER);
    check((read !== undefined) === isRight, "taken, or refused, wrongly", field);
  }
  if (read === undefined) return;
  const numbers = [...field.matchAll(/\d+/g)].map(([digits]) => BigInt(digits));
  const { range } = read;
  const told = [
    ...(range === undefined ? [] : [range.start, range.end - 1]),
    ...(read.size === undefined ? [] : [read.size]),
  ];
  check(told.every(Number.isSafeInteger), "a number that is not exact", field);
  check(numbers.join() === told.map(BigInt).join(), "other numbers than those written", field);
  if (range !== undefined) {
    check(range.start < range.end && range.end <= (read.size ?? Infinity), "a range that is none", field);
  }
}

/** `Retry-After`: a time that one can wait, or nothing. */
export function fuzzRetryAfter(dice: Dice): void {
  const date = new Date(WALL_MS + dice.between(-(10 ** 9), 10 ** 9)).toUTCString();
  const right = dice.pick([
    `${dice.below(1000)}`,
    randomCount(dice),
    date,
    "Sunday, 06-Nov-94 08:49:37 GMT",
    "Sun Nov  6 08:49:37 1994",
  ]);
  const field = mutateText(dice, right);
  const ms = parseRetryAfter(field, WALL_MS);
  check(ms === undefined || (ms >= 0 && ms <= Number.MAX_SAFE_INTEGER), "no time", { field, ms });
  if (/^\d{1,9}$/.test(field)) {
    check(ms === Number(field) * 1000, "another time than was asked for", { field, ms });
  }
  if (field === date) check(ms === Math.max(0, Date.parse(date) - WALL_MS), "another time", { field, ms });
}

/** `Content-Length`: the number written there, or an error. */
export function fuzzContentLength(dice: Dice): void {
  const count = randomCount(dice);
  const field = asField(
    mutateText(dice, dice.chance(0.8) ? count : `${count}, ${dice.chance(0.5) ? count : 5}`),
  );
  try {
    const length = contentLength(new Headers({ "content-length": field }));
    const values = new Set(field.split(",").map((value) => value.trim()));
    check(values.size === 1 && /^\d+$/.test([...values][0]!), "a length was read where there is none", field);
    check(BigInt([...values][0]!) === BigInt(length ?? -1), "another length", { field, length });
  } catch (error) {
    if (!(error instanceof DownloadError)) throw error;
    check(!/^\d{1,15}$/.test(field), "a right length was refused", field);
  }
}

function randomValidator(dice: Dice): Validator {
  const etag = dice.pick(['"a"', '"b"', 'W/"a"', 'W/"b"', '""', "a", undefined]);
  return {
    etag: etag && asField(mutateText(dice, etag)),
    lastModified: dice.pick([
      "Mon, 01 Jan 2024 00:00:00 GMT",
      "Tue, 02 Jan 2024 00:00:00 GMT",
      "soon",
      undefined,
    ]),
  };
}

/** ETags and dates: what is true of any two versions. */
export function fuzzValidators(dice: Dice): void {
  const [a, b] = [randomValidator(dice), randomValidator(dice)];
  check(agree(a, a), "a version does not agree with itself", a);
  check(agree(a, b) === agree(b, a), "agreement depends on the order", { a, b });
  check(!strongValidator(a)?.startsWith("W/"), "a weak validator was called strong", a);
  check(identifiesVersion(a, a, false), "a response with all validators does not tell its version", a);
  const areStrong = [a, b].every(({ etag }) => etag !== undefined && !etag.startsWith("W/"));
  const haveOtherDates = a.lastModified !== undefined && b.lastModified !== undefined &&
    a.lastModified !== b.lastModified;
  const wanted = a.etag === b.etag && !haveOtherDates;
  if (areStrong) check(agree(a, b) === wanted, "strong ETags were not believed", { a, b });
}

/** A response of any kind: a part is the part that was asked for, of the version that is known. */
export function fuzzResponse(dice: Dice): void {
  const size = dice.between(1, 5000);
  const start = dice.below(size);
  const range = { start, end: dice.between(start + 1, size) };
  const known = { etag: '"a"', lastModified: undefined };
  const version = dice.chance(0.7) ? { size, validator: known } : undefined;
  const right: Record<string, string> = {
    "content-range": `bytes ${range.start}-${range.end - 1}/${size}`,
    "content-length": `${range.end - range.start}`,
    "content-type": "application/octet-stream",
    etag: '"a"',
  };
  if (dice.chance(0.2)) right["content-encoding"] = dice.pick(["gzip", "identity", "", "br, identity"]);
  const headers = new Headers();
  for (const [name, value] of Object.entries(right)) {
    if (dice.chance(0.9)) headers.set(name, asField(dice.chance(0.3) ? mutateText(dice, value) : value));
  }
  const status = dice.pick([206, 206, 206, 206, 200, 416, 204, 304, 302, 404, 500, 0, 999]);
  const shown = { status, headers: [...headers], range, version };
  try {
    const verdict = checkResponse({ status, headers }, { range, version, wallMs: WALL_MS });
    const encoding = headers.get("content-encoding") ?? "";
    if (verdict.kind === "empty") {
      return check(status === 416 && version === undefined, "an empty file", shown);
    }
    const isPlain = encoding.split(",").every((word) => /^[\s"']*(identity)?[\s"']*(;.*)?$/is.test(word));
    check(isPlain, "encoded", shown);
    if (verdict.kind === "complete") return check(status === 200, "the whole", shown);
    check(status === 206, "a part", shown);
    check(verdict.range.start === range.start && verdict.range.end <= range.end, "another part", shown);
    check(verdict.range.end <= verdict.size, "a part behind the end", shown);
    if (version === undefined) return;
    check(
      verdict.size === size && headers.get("etag")?.replace("W/", "") === '"a"',
      "another version",
      shown,
    );
  } catch (error) {
    if (!(error instanceof DownloadError)) throw error;
  }
}

const DIGITS: ReadonlyMap<string, number> = new Map([["md5", 32], ["sha1", 40], ["sha256", 64], [
  "sha512",
  128,
]]);

/** Digests that a server publishes: the one it sent, one of the right length, or none. */
export function fuzzDigest(dice: Dice): void {
  const [names, length] = dice.pick([[["sha-256"], 32], [["sha-512"], 64], [["md5"], 16]] as const);
  const digest = Uint8Array.from({ length }, () => dice.below(256));
  const right = `${names[0]}=:${Buffer.from(digest).toString("base64")}:`;
  const value = asField(mutateText(dice, right));
  const field = dice.pick([
    "repr-digest",
    "content-digest",
    "digest",
    "content-md5",
    "x-goog-hash",
    "x-amz-checksum-sha256",
  ]);
  const headers = new Headers({ [field]: value });
  const isWhole = dice.chance(0.5);
  const verdict = isWhole
    ? { kind: "complete", size: 10, isSameVersion: true } as const
    : { kind: "part", range: { start: 0, end: 5 }, size: 10 } as const;
  const found = publishedDigest(headers, verdict);
  const covers = field === "repr-digest" || (field === "content-digest" && isWhole);
  if (covers && value === right) {
    check(found?.checksum.hex === Buffer.from(digest).toString("hex"), "a digest was not read", value);
  }
  if (found === undefined) return;
  check(isWhole || !field.startsWith("content-"), "a digest of a part", { field, value });
  const { algorithm, hex } = found.checksum;
  const isDigest = hex.length === DIGITS.get(algorithm) && /^[\da-f]+$/.test(hex);
  check(isDigest, "no digest", { field, value });
}
