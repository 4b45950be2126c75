import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { DownloadError } from "../../src/errors.ts";
import { contentLength, parseRetryAfter } from "../../src/http/headers.ts";
import { agree, strongValidator, tellsVersion, validatorOf } from "../../src/http/validator.ts";
import type { Validator } from "../../src/types.ts";

const DATE = "Sun, 06 Nov 1994 08:49:37 GMT";
const DATE_MS = 784_111_777_000;

const validator = (etag?: string, lastModified?: string): Validator => ({ etag, lastModified });

test("validatorOf() takes both fields as they are", () => {
  const headers = new Headers({ ETag: 'W/"a b"', "Last-Modified": DATE });
  assert.deepEqual(validatorOf(headers), { etag: 'W/"a b"', lastModified: DATE });
  assert.deepEqual(validatorOf(new Headers()), { etag: undefined, lastModified: undefined });
});

test("14: only a strong ETag or a date can prove that a file is the same", () => {
  assert.equal(strongValidator(validator('"a"', DATE)), '"a"');
  assert.equal(strongValidator(validator('W/"a"', DATE)), DATE);
  assert.equal(strongValidator(validator(undefined, DATE)), DATE);
  assert.equal(strongValidator(validator('W/"a"')), undefined);
  assert.equal(strongValidator(validator()), undefined);
});

test("14: a part has to name its version as the whole did", () => {
  const cases: [known: Validator, seen: Validator, plainly: boolean, toIfRange: boolean][] = [
    [validator('"a"', DATE), validator('"a"'), true, true],
    [validator('"a"', DATE), validator(undefined, DATE), false, false],
    [validator('"a"'), validator(), false, false],
    [validator('W/"a"', DATE), validator(undefined, DATE), true, true],
    [validator('W/"a"', DATE), validator('W/"a"'), false, true],
    [validator(undefined, DATE), validator(undefined, DATE), true, true],
    [validator(undefined, DATE), validator(), false, true],
    [validator(), validator(), true, true],
  ];
  for (const [known, seen, plainly, toIfRange] of cases) {
    const told = [tellsVersion(known, seen, false), tellsVersion(known, seen, true)];
    assert.deepEqual(told, [plainly, toIfRange], JSON.stringify([known, seen]));
  }
});

test("13: two versions differ where their ETags do, or their dates where an ETag is missing", () => {
  const other = "Mon, 07 Nov 1994 08:49:37 GMT";
  const cases: [Validator, Validator, boolean][] = [
    [validator('"a"', DATE), validator('"a"', DATE), true],
    [validator('"a"', DATE), validator('"b"', DATE), false],
    [validator('"a"', DATE), validator('"a"', other), true],
    [validator('"a"'), validator('W/"a"'), true],
    [validator('"a"'), validator('W/"b"'), false],
    [validator('"w/a"'), validator('"a"'), false],
    [validator('W/"a"', DATE), validator('W/"a"', DATE), true],
    [validator('W/"a"', DATE), validator('W/"a"', other), false],
    [validator('"a"', DATE), validator('W/"a"', other), false],
    [validator(undefined, DATE), validator(undefined, other), false],
    [validator('"a"', DATE), validator(undefined, other), false],
    [validator('"a"', DATE), validator(undefined, DATE), true],
    [validator('"a"'), validator(undefined, DATE), true],
    [validator(), validator('"a"', DATE), true],
    [validator(), validator(), true],
  ];
  for (const [a, b, wanted] of cases) {
    assert.equal(agree(a, b), wanted, JSON.stringify([a, b]));
    assert.equal(agree(b, a), wanted, JSON.stringify([b, a]));
  }
});

test("contentLength() reads a length, also one that was repeated", () => {
  const lengths = ["0", "1234", "1234, 1234", " 1234 ,1234", `${Number.MAX_SAFE_INTEGER - 1}`].map((field) =>
    contentLength(new Headers({ "content-length": field }))
  );
  assert.deepEqual(lengths, [0, 1234, 1234, 1234, Number.MAX_SAFE_INTEGER - 1]);
  assert.equal(contentLength(new Headers()), undefined);
});

for (
  const field of [
    "12, 34",
    "12, 12, 34",
    "-1",
    "+1",
    "1.5",
    "1e3",
    "0x10",
    "abc",
    "",
    "12,",
    `${Number.MAX_SAFE_INTEGER}`,
    "18446744073709551616",
    "9".repeat(400),
  ]
) {
  test(`11: a Content-Length of "${field.slice(0, 30)}" makes a response unusable`, () => {
    assert.throws(() => contentLength(new Headers({ "content-length": field })), (error: unknown) => {
      assert.ok(error instanceof DownloadError);
      assert.equal(error.code, "bad_response");
      assert.ok(error.message.includes(`"${field}"`));
      return true;
    });
  });
}

test("11: a Content-Length beside Transfer-Encoding means nothing", () => {
  for (const field of ["12", "rubbish"]) {
    const headers = new Headers({ "content-length": field, "transfer-encoding": "chunked" });
    assert.equal(contentLength(headers), undefined);
  }
});

test("37: Retry-After in seconds", () => {
  assert.equal(parseRetryAfter("120", DATE_MS), 120_000);
  assert.equal(parseRetryAfter(" 0 ", DATE_MS), 0);
  assert.equal(parseRetryAfter(null, DATE_MS), undefined);
});

test("37: Retry-After as a date, in each of the three forms of HTTP and in any time zone", () => {
  const zone = process.env["TZ"];
  try {
    for (const name of ["UTC", "America/New_York", "Asia/Tokyo"]) {
      process.env["TZ"] = name;
      for (const field of [DATE, "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]) {
        assert.equal(parseRetryAfter(field, DATE_MS - 90_000), 90_000, `${field} in ${name}`);
      }
    }
  } finally {
    if (zone === undefined) delete process.env["TZ"];
    else process.env["TZ"] = zone;
  }
});

test("37: Retry-After in the past is no wait", () => {
  assert.equal(parseRetryAfter(DATE, DATE_MS), 0);
  assert.equal(parseRetryAfter(DATE, DATE_MS + 1e9), 0);
});

test("37: a huge Retry-After is a number still", () => {
  for (const field of ["99999999999", "9".repeat(400), "Fri, 31 Dec 9999 23:59:59 GMT"]) {
    const wait = parseRetryAfter(field, DATE_MS);
    assert.ok(wait !== undefined && Number.isSafeInteger(wait) && wait > 1e13, `${field}: ${wait}`);
  }
});

for (
  const field of [
    "",
    "soon",
    "-5",
    "+5",
    "1.5",
    "1e3",
    "0x10",
    "5, 10",
    "5 seconds",
    "Later 5",
    "Soon 2099",
    "Sunday, rubbish 5",
    "2099-01-01T00:00:00Z",
    "Sun, 99 Nov 2099 08:49:37 GMT",
    "Sun, 06 Nov 2099",
    "Sun, 06 Nov 2099 08:49:37 +0200",
    `${DATE}, ${DATE}`,
    "x".repeat(100_000),
  ]
) {
  test(`37: a Retry-After of "${field.slice(0, 40)}" is ignored`, () => {
    assert.equal(parseRetryAfter(field, DATE_MS), undefined);
  });
}
