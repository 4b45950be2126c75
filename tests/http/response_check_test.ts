import assert from "node:assert/strict";
import { test } from "node:test";
import { DownloadError, type DownloadErrorCode, HttpStatusError } from "../../src/errors.ts";
import { checkResponse, type Expectation, statusError, type Verdict } from "../../src/http/response_check.ts";
import type { ByteRange } from "../../src/types.ts";

const WALL_MS = Date.UTC(2024, 0, 1);
const DATE = "Sun, 06 Nov 1994 08:49:37 GMT";
const LATER = "Mon, 07 Nov 1994 08:49:37 GMT";

interface Case {
  readonly name: string;
  readonly status?: number;
  /** Changes to the headers of a correct answer to `Range: bytes=100-199` of 1000 bytes; `null` removes one. */
  readonly headers?: Readonly<Record<string, string | null>>;
  readonly range?: ByteRange | null;
  /** `null` for the first response. */
  readonly version?: Expectation["version"] | null;
  readonly gives: Verdict | DownloadErrorCode;
  /** Has to be in the error's message. */
  readonly says?: string;
  /** Whether the request had `If-Range`. */
  readonly saidIfRange?: boolean;
  /** Whether a request before was answered as those for an empty file are. */
  readonly mayBeEmpty?: boolean;
  /** Whether the error is worth a retry. */
  readonly isRetryable?: boolean;
}

const PART: Verdict = { kind: "part", range: { start: 100, end: 200 }, size: 1000 };
const HEADERS = {
  "content-range": "bytes 100-199/1000",
  "content-length": "100",
  "etag": '"a"',
  "last-modified": DATE,
};
const VERSION: Expectation["version"] = { size: 1000, validator: { etag: '"a"', lastModified: DATE } };

function check(it: Case): Verdict {
  const headers = new Headers();
  for (const [name, value] of Object.entries({ ...HEADERS, ...it.headers })) {
    if (value !== null) headers.set(name, value);
  }
  const range = it.range === undefined ? { start: 100, end: 200 } : it.range ?? undefined;
  const version = it.version === undefined ? VERSION : it.version ?? undefined;
  const { status = 206, saidIfRange = false, mayBeEmpty = false } = it;
  return checkResponse({ status, headers }, { range, version, saidIfRange, mayBeEmpty, wallMs: WALL_MS });
}

const parts: Case[] = [
  { name: "206 that fits", gives: PART },
  { name: "206 that fits, as the first response", version: null, gives: PART },
  { name: "206 without a length, as with chunks", headers: { "content-length": null }, gives: PART },
  {
    name: "11: 206 whose Content-Length stands beside Transfer-Encoding",
    headers: { "content-length": "7", "transfer-encoding": "chunked" },
    gives: PART,
  },
  { name: "206 that says identity", headers: { "content-encoding": "Identity" }, gives: PART },
  { name: "206 with an empty Content-Encoding", headers: { "content-encoding": "" }, gives: PART },
  {
    name: "5: 206 with less than was asked for",
    headers: { "content-range": "bytes 100-149/1000", "content-length": "50" },
    gives: { kind: "part", range: { start: 100, end: 150 }, size: 1000 },
  },
  {
    name: "206 to a range without an end",
    range: { start: 100, end: Infinity },
    headers: { "content-range": "bytes 100-999/1000", "content-length": "900" },
    gives: { kind: "part", range: { start: 100, end: 1000 }, size: 1000 },
  },
  {
    name: "2: 206 without Content-Range",
    headers: { "content-range": null },
    gives: "bad_response",
    says: "no Content-Range",
  },
  {
    name: "2: 206 with a malformed Content-Range",
    headers: { "content-range": "bytes 100-199" },
    gives: "bad_response",
    says: '"bytes 100-199"',
  },
  {
    name: "2: 206 with the Content-Range of a 416",
    headers: { "content-range": "bytes */1000" },
    gives: "bad_response",
  },
  {
    name: "2: 206 that does not tell the size",
    headers: { "content-range": "bytes 100-199/*" },
    gives: "bad_response",
    says: "size",
  },
  {
    name: "78: 206 of a file beyond what can be counted",
    headers: { "content-range": `bytes 100-199/${2 ** 53}` },
    version: null,
    gives: "bad_response",
  },
  ...["0-99", "99-199", "101-199", "200-299"].map((covered): Case => ({
    name: `3: 206 that covers ${covered}`,
    headers: { "content-range": `bytes ${covered}/1000`, "content-length": null },
    gives: "bad_response",
    says: "requested were 100 to 199",
  })),
  ...["100-200", "100-999"].map((covered): Case => ({
    name: `89: 206 that covers ${covered}, beyond what was asked for`,
    headers: { "content-range": `bytes ${covered}/1000`, "content-length": null },
    gives: PART,
  })),
  {
    name: "89: 206 with a range that ends behind the file",
    headers: { "content-range": "bytes 100-199/150" },
    gives: "bad_response",
    says: '"bytes 100-199/150"',
  },
  ...["bytes=100-199/1000", "100-199/1000", "bytes  100 - 199 / 1000", "bytes: 100-199/1000"].map((
    field,
  ): Case => ({
    name: `89: 206 with the Content-Range "${field}"`,
    headers: { "content-range": field },
    gives: PART,
  })),
  {
    name: "3: 206 although the whole file was asked for",
    range: null,
    gives: "bad_response",
    says: "the complete file",
  },
  {
    name: "89: 206 of the whole file, which was asked for",
    range: null,
    headers: { "content-range": "bytes 0-999/1000", "content-length": "1000" },
    gives: { kind: "complete", size: 1000, isSameVersion: true },
  },
  {
    name: "4: 206 whose total is another than the first one's",
    headers: { "content-range": "bytes 100-199/1001", etag: '"b"' },
    gives: "remote_changed",
    says: "1000 bytes and has 1001",
  },
  {
    name: "4: 206 whose total is another than that of the same version before",
    headers: { "content-range": "bytes 100-199/1001" },
    gives: "bad_response",
    says: "has 1000 bytes, and that it has 1001",
  },
  ...["bytes 100-199/200", "bytes 100-199/100"].map((field): Case => ({
    name: `86: 206 whose total may be its end or its length, "${field}"`,
    headers: { "content-range": field },
    gives: "bad_response",
    says: field.endsWith("/200") ? "the size of the part" : field,
  })),
  {
    name: "24: 206 of a file that shrank",
    headers: { "content-range": "bytes 100-199/999", "last-modified": LATER },
    gives: "remote_changed",
  },
  {
    name: "9: 206 in several parts",
    headers: { "content-type": "multipart/byteranges; boundary=x" },
    gives: "bad_response",
  },
  ...["multipart/form-data; boundary=x", "multipart/related", "multipart/mixed"].map((type): Case => ({
    name: `94: 206 of the type ${type}`,
    headers: { "content-type": type },
    gives: PART,
  })),
  {
    name: "93: 206 of a type that tells the encoding, of no URL",
    headers: { "content-type": "application/gzip", "content-encoding": "gzip" },
    gives: PART,
  },
  { name: "9: in any case", headers: { "content-type": " Multipart/ByteRanges" }, gives: "bad_response" },
  ...["gzip", "br", "deflate, gzip", "identity, gzip", "x-unknown"].map((encoding): Case => ({
    name: `10: 206 encoded as ${encoding}`,
    headers: { "content-encoding": encoding },
    gives: "bad_response",
    says: `"${encoding}"`,
  })),
  ...["gzip, chunked", "gzip", "x-unknown"].map((coding): Case => ({
    name: `206 transferred as ${coding}`,
    headers: { "content-length": null, "transfer-encoding": coding },
    gives: "bad_response",
    says: `"${coding}"`,
  })),
  ...["Chunked", "chunked, chunked", "identity", ""].map((coding): Case => ({
    name: `206 transferred as "${coding}"`,
    headers: { "content-length": null, "transfer-encoding": coding },
    gives: PART,
  })),
  {
    name: "11: 206 whose Content-Length is another than its range's",
    headers: { "content-length": "99" },
    gives: "bad_response",
    says: "99",
  },
  {
    name: "70: a long and strange length does not fill the message",
    headers: { "content-length": `\x1b[2J${"a".repeat(100_000)}` },
    gives: "bad_response",
    says: '…"',
  },
  { name: "11: 206 with two lengths", headers: { "content-length": "100, 99" }, gives: "bad_response" },
  { name: "11: 206 with a negative length", headers: { "content-length": "-100" }, gives: "bad_response" },
  { name: "13: 206 of another ETag", headers: { etag: '"b"' }, gives: "remote_changed", says: "changed" },
  {
    name: "13: 206 of another date and no ETag",
    headers: { etag: null, "last-modified": LATER },
    gives: "remote_changed",
  },
  {
    name: "133: 206 of the same ETag and another date",
    headers: { "last-modified": LATER },
    gives: "remote_changed",
  },
  {
    name: "96: 206 of another ETag and date, where a checksum decides",
    version: { ...VERSION, isJudgedByChecksum: true },
    headers: { etag: '"b"', "last-modified": LATER },
    gives: PART,
  },
  {
    name: "96: 206 without validators, where a checksum decides",
    version: { ...VERSION, isJudgedByChecksum: true },
    headers: { etag: null, "last-modified": null },
    gives: PART,
  },
  {
    name: "96: 206 of another size, where a checksum decides",
    version: { ...VERSION, isJudgedByChecksum: true },
    headers: { "content-range": "bytes 100-199/1001" },
    gives: "bad_response",
  },
  { name: "14: 206 of a weak ETag with the same tag", headers: { etag: 'W/"a"' }, gives: PART },
  {
    name: "14: 206 without validators, where the file has an ETag",
    headers: { etag: null, "last-modified": null },
    gives: "bad_response",
    says: "version",
    isRetryable: true,
  },
  {
    name: "14: 206 to If-Range that leaves out the date",
    saidIfRange: true,
    version: { size: 1000, validator: { etag: undefined, lastModified: DATE } },
    headers: { etag: null, "last-modified": null },
    gives: PART,
  },
  {
    name: "13: 206 of the same weak ETag and another date",
    version: { size: 1000, validator: { etag: 'W/"a"', lastModified: LATER } },
    headers: { etag: 'W/"a"' },
    gives: "remote_changed",
  },
];

const whole = (size: number | undefined, isSameVersion: boolean): Verdict => ({
  kind: "complete",
  size,
  isSameVersion,
});
const WHOLE = { "content-range": null, "content-length": "1000" };

const wholes: Case[] = ([
  { name: "200 as the first response", version: null, headers: WHOLE, gives: whole(1000, true) },
  { name: "200 that was asked for", range: null, headers: WHOLE, gives: whole(1000, true) },
  { name: "1: 200 to a range, same version", headers: WHOLE, gives: whole(1000, true) },
  {
    name: "12: 200 to If-Range, another ETag",
    headers: { ...WHOLE, etag: '"b"' },
    gives: whole(1000, false),
  },
  {
    name: "133: 200 of the same ETag and another date",
    headers: { ...WHOLE, "last-modified": LATER },
    gives: whole(1000, false),
  },
  {
    name: "96: 200 of another ETag, where a checksum decides",
    version: { ...VERSION, isJudgedByChecksum: true },
    headers: { ...WHOLE, etag: '"b"' },
    gives: whole(1000, true),
  },
  {
    name: "96: 200 of another size, where a checksum decides",
    version: { ...VERSION, isJudgedByChecksum: true },
    headers: { ...WHOLE, "content-length": "99" },
    gives: whole(99, false),
  },
  ...[["0-99/1000", 100], ["900-999/1000", null]].map(([field, length]): Case => ({
    name: `85: 200 that was asked for, with the Content-Range ${field} and the length ${length}`,
    range: null,
    headers: { "content-range": `bytes ${field}`, "content-length": length === null ? null : `${length}` },
    gives: "bad_response",
    says: "a part",
  })),
  {
    name: "85: 200 that was asked for, with the Content-Range of all of it",
    range: null,
    headers: { "content-range": "bytes 0-999/1000", "content-length": "1000" },
    gives: whole(1000, true),
  },
  { name: "20: 200 of another size", headers: { ...WHOLE, "content-length": "99" }, gives: whole(99, false) },
  {
    name: "22: 200 without a length",
    version: null,
    headers: { ...WHOLE, "content-length": null },
    gives: whole(undefined, true),
  },
  {
    name: "22: 200 without a length, of another date",
    headers: { ...WHOLE, "content-length": null, "etag": null, "last-modified": LATER },
    gives: whole(undefined, false),
  },
  {
    name: "11: 200 with chunks and a length",
    version: null,
    headers: { ...WHOLE, "transfer-encoding": "chunked" },
    gives: whole(undefined, true),
  },
  {
    name: "200 with a Content-Range, which means nothing there",
    headers: { "content-length": "1000" },
    gives: whole(1000, true),
  },
  {
    name: "200 transferred as gzip",
    headers: { ...WHOLE, "transfer-encoding": "gzip, chunked" },
    gives: "bad_response",
  },
  {
    name: "10: 200 encoded as gzip",
    headers: { ...WHOLE, "content-encoding": "gzip" },
    gives: "bad_response",
  },
  {
    name: "11: 200 with two lengths",
    headers: { ...WHOLE, "content-length": "5, 6" },
    gives: "bad_response",
  },
  {
    name: "11: 200 with a length beyond counting",
    headers: { ...WHOLE, "content-length": "9".repeat(30) },
    gives: "bad_response",
  },
] satisfies Case[]).map((it) => ({ status: 200, ...it }));

const unsatisfied = (field: string | null, rest: Omit<Case, "headers" | "name">, name: string): Case => ({
  status: 416,
  headers: { ...WHOLE, "content-length": "0", "content-range": field },
  name,
  ...rest,
});
const FIRST = { range: { start: 0, end: 100 }, version: null } as const;

const others: Case[] = [
  unsatisfied("bytes */0", { ...FIRST, gives: { kind: "empty" } }, "17: 416 for an empty file"),
  unsatisfied(
    "bytes */0",
    { ...FIRST, range: { start: 5, end: 9 }, gives: "http_status" },
    "17: 416 from elsewhere",
  ),
  unsatisfied("bytes */1000", { ...FIRST, gives: "http_status" }, "17: 416 although the file has bytes"),
  unsatisfied(null, { ...FIRST, gives: "http_status" }, "17: 416 without Content-Range"),
  unsatisfied("rubbish", { ...FIRST, gives: "http_status" }, "17: 416 with a malformed Content-Range"),
  unsatisfied("bytes */1000", { gives: "http_status", says: "416" }, "16: 416 where the total matches"),
  unsatisfied("bytes */50", { gives: "bad_response" }, "16: 416 where the total does not"),
  unsatisfied(
    "bytes */0",
    { gives: "http_status", says: "416" },
    "91: 416 that says of a file with bytes that it is empty",
  ),
  ...[204, 205].flatMap((status): Case[] => [
    {
      ...{ name: `91: ${status} to the whole file, after a range`, status, mayBeEmpty: true },
      ...{ version: null, range: null, gives: { kind: "empty" } },
    },
    {
      name: `91: ${status} to the whole file alone`,
      status,
      version: null,
      range: null,
      gives: "http_status",
    },
    { name: `91: ${status} to the whole file, which had bytes`, status, range: null, gives: "http_status" },
    { name: `91: ${status} to the first range`, status, version: null, gives: "http_status" },
    { name: `91: ${status} to a range`, status, gives: "http_status", says: `${status}` },
  ]),
  { name: "203 is a 200", status: 203, headers: WHOLE, gives: whole(1000, true) },
  ...[100, 201, 207, 226, 300, 304, 400, 401, 403, 404, 410, 451, 500, 503].map((status): Case => ({
    name: `${status}`,
    status,
    gives: "http_status",
    says: `${status}`,
  })),
];

for (const it of [...parts, ...wholes, ...others]) {
  const { name, gives } = it;
  test(`${name}: ${typeof gives === "string" ? gives : gives.kind}`, () => {
    if (typeof gives !== "string") return assert.deepEqual(check(it), gives);
    assert.throws(() => check(it), (error: unknown) => {
      assert.ok(error instanceof DownloadError);
      assert.equal(error.code, gives, error.message);
      assert.match(error.message, /^Cannot (use the response|continue|fetch the file): /);
      assert.ok(error.message.includes(it.says ?? ""), error.message);
      return true;
    });
  });
}

test("35: only what may pass is worth a retry", () => {
  const retryable = [408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524];
  for (let status = 300; status < 600; status++) {
    if (status === 416) continue;
    const expected = { range: undefined, version: undefined, wallMs: WALL_MS };
    assert.throws(() => checkResponse({ status, headers: new Headers() }, expected), (error: unknown) => {
      assert.ok(error instanceof HttpStatusError);
      assert.deepEqual([error.status, error.retryable], [status, retryable.includes(status)]);
      return true;
    });
  }
  for (const it of [...parts, ...wholes].filter(({ gives }) => typeof gives === "string")) {
    const wanted = it.isRetryable ?? false;
    assert.throws(
      () => check(it),
      (error: unknown) => error instanceof DownloadError && error.retryable === wanted,
      it.name,
    );
  }
});

test("101: Retry-After says that a status passes, where time can change it", () => {
  const lasting = [401, 405, 407, 410, 416, 501, 505];
  for (let status = 400; status < 600; status++) {
    for (const [field, isDated] of [["1", true], ["rubbish", false]] as const) {
      const { retryable, retryAfterMs } = statusError(
        { status, headers: new Headers({ "retry-after": field }) },
        WALL_MS,
      );
      const passes = statusError({ status, headers: new Headers() }, WALL_MS).retryable;
      assert.equal(retryable, passes || (isDated && !lasting.includes(status)), `${status} ${field}`);
      assert.equal(retryAfterMs, isDated ? 1000 : undefined);
    }
  }
});

test("93: a message names what keeps a file encoded, where that is to be had", () => {
  const headers = new Headers({ "content-encoding": "br" });
  const file = { url: "https://example.com/a.html", contentEncoding: "refuse" } as const;
  const expected = { range: undefined, version: undefined, wallMs: WALL_MS };
  const refused = 'Cannot use the response: it is encoded as "br" although the file itself was requested';
  assert.throws(() => checkResponse({ status: 200, headers }, expected), { message: refused });
  assert.throws(() => checkResponse({ status: 200, headers }, { ...expected, file }), {
    message: `${refused}; set contentEncoding to keep it encoded`,
  });
  const kept = { ...expected, file: { ...file, contentEncoding: "keep" } } as const;
  assert.deepEqual(checkResponse({ status: 200, headers }, kept), whole(undefined, true));
});

test("a status that many know is told in words", () => {
  const messages = [404, 418].map((status) => {
    try {
      return checkResponse({ status, headers: new Headers() }, {
        range: undefined,
        version: undefined,
        wallMs: WALL_MS,
      });
    } catch (error) {
      return error instanceof Error && error.message;
    }
  });
  assert.deepEqual(messages, [
    "Cannot fetch the file: the server answered 404 (no such file)",
    "Cannot fetch the file: the server answered 418",
  ]);
});

test("34: Retry-After goes along, counted from the time that was given", () => {
  const waits = ["7", new Date(WALL_MS + 5000).toUTCString(), "rubbish", null].map((field) => {
    const headers = new Headers(field === null ? {} : { "retry-after": field });
    try {
      checkResponse({ status: 503, headers }, { range: undefined, version: undefined, wallMs: WALL_MS });
    } catch (error) {
      return error instanceof HttpStatusError ? error.retryAfterMs : error;
    }
    return "passed";
  });
  assert.deepEqual(waits, [7000, 5000, undefined, undefined]);
});
