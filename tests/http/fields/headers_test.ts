import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { DownloadError } from "../../../src/errors.ts";
import { contentLength, parseHttpDate, parseRetryAfter } from "../../../src/http/fields/headers.ts";

const DATE = "Sun, 06 Nov 1994 08:49:37 GMT";
const DATE_MS = 784_111_777_000;

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
      assert.ok(error.message.includes(`"${field.slice(0, 100)}`));
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

test("a date has one of the three forms of HTTP, or is none", () => {
  for (const field of [DATE, ` ${DATE} `, "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]) {
    assert.equal(parseHttpDate(field), DATE_MS, field);
  }
  for (const field of ["", "784111777", "1994-11-06T08:49:37Z", "Sun, 06 Nov 1994", "rubbish"]) {
    assert.equal(parseHttpDate(field), undefined, field);
  }
});
