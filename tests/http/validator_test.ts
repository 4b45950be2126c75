import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ageOf,
  agree,
  identifiesVersion,
  namesVersion,
  proveSame,
  strongerTag,
  strongValidator,
  validatorOf,
  YOUNG_MS,
} from "../../src/http/validator.ts";
import type { Validator } from "../../src/types.ts";

const DATE = "Sun, 06 Nov 1994 08:49:37 GMT";
const OTHER = "Mon, 07 Nov 1994 08:49:37 GMT";
const DATE_MS = Date.UTC(1994, 10, 6, 8, 49, 37);
const at = (offsetMs: number): string => new Date(DATE_MS + offsetMs).toUTCString();

const validator = (etag?: string, lastModified?: string): Validator => ({ etag, lastModified });
const young = (etag?: string): Validator => ({ etag, lastModified: DATE, isYoung: true });

test("validatorOf() takes both fields as they are", () => {
  const headers = new Headers({ ETag: 'W/"a b"', "Last-Modified": DATE });
  assert.deepEqual(validatorOf(headers, DATE_MS + YOUNG_MS), {
    etag: 'W/"a b"',
    lastModified: DATE,
    isYoung: false,
  });
  const nothing = { etag: undefined, lastModified: undefined, isYoung: false };
  assert.deepEqual(validatorOf(new Headers(), DATE_MS), nothing);
});

test("134 an age is from the change to the Date of the response, or to now where there is none", () => {
  const cases: [headers: Record<string, string>, ageMs: number][] = [
    [{ "last-modified": DATE, "date": at(5000) }, 5000],
    [{ "last-modified": DATE, "date": DATE }, 0],
    [{ "last-modified": DATE, "date": at(-5000) }, -5000],
    [{ "last-modified": DATE }, 60_000],
    [{ "last-modified": DATE, "date": "rubbish" }, 60_000],
    [{ "last-modified": "Sun Nov  6 08:49:37 1994", "date": "Sunday, 06-Nov-94 08:49:38 GMT" }, 1000],
    [{ "last-modified": "rubbish", "date": DATE }, Infinity],
    [{ "last-modified": "1994-11-06T08:49:37Z", "date": DATE }, Infinity],
    [{ date: DATE }, Infinity],
    [{}, Infinity],
  ];
  for (const [headers, ageMs] of cases) {
    assert.equal(ageOf(new Headers(headers), DATE_MS + 60_000), ageMs, JSON.stringify(headers));
  }
});

test("134 a date is young for less than two seconds, and in the future", () => {
  for (const [ageMs, isYoung] of [[-60_000, true], [0, true], [1000, true], [2000, false]] as const) {
    const headers = { etag: '"a"', "last-modified": DATE };
    // A clock of ours that is wrong changes nothing where the server tells its own.
    const dated = new Headers({ ...headers, date: at(ageMs) });
    for (const wallMs of [0, DATE_MS, DATE_MS * 2]) {
      assert.equal(validatorOf(dated, wallMs).isYoung, isYoung, `${ageMs}`);
    }
    assert.equal(validatorOf(new Headers(headers), DATE_MS + ageMs).isYoung, isYoung, `${ageMs}`);
  }
  assert.equal(validatorOf(new Headers({ etag: '"a"' }), 0).isYoung, false);
  assert.equal(validatorOf(new Headers({ "last-modified": "rubbish" }), 0).isYoung, false);
});

test("14: only a strong ETag or a date can prove that a file is the same", () => {
  assert.equal(strongValidator(validator('"a"', DATE)), '"a"');
  assert.equal(strongValidator(validator('W/"a"', DATE)), DATE);
  assert.equal(strongValidator(validator(undefined, DATE)), DATE);
  assert.equal(strongValidator(validator('W/"a"')), undefined);
  assert.equal(strongValidator(validator('w/"a"')), undefined);
  assert.equal(strongValidator(validator()), undefined);
});

test("134 a date that is too young proves nothing", () => {
  assert.equal(strongValidator(young()), undefined);
  assert.equal(strongValidator(young('W/"a"')), undefined);
  assert.equal(strongValidator(young('"a"')), '"a"');
});

test("134 a version has a name if it has a strong ETag or any date", () => {
  const named = [
    validator('"a"'),
    validator("a"),
    validator('W/"a"', DATE),
    validator(undefined, DATE),
    young(),
  ];
  assert.deepEqual(named.map(namesVersion), named.map(() => true));
  const nameless = [validator(), validator('W/"a"'), validator('w/"a"')];
  assert.deepEqual(nameless.map(namesVersion), nameless.map(() => false));
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
    const told = [identifiesVersion(known, seen, false), identifiesVersion(known, seen, true)];
    assert.deepEqual(told, [plainly, toIfRange], JSON.stringify([known, seen]));
  }
});

/** What two responses say, whether they may be of one version, and whether they are proved to be. */
const PAIRS: [Validator, Validator, mayBe: boolean, isProved: boolean][] = [
  [validator('"a"', DATE), validator('"a"', DATE), true, true],
  [validator('"a"', DATE), validator('"b"', DATE), false, false],
  [validator('"a"'), validator('"a"'), true, true],
  [validator('"a"'), validator('W/"a"'), true, false],
  [validator('W/"a"'), validator('W/"a"'), true, false],
  [validator('"a"'), validator('W/"b"'), false, false],
  [validator('"w/a"'), validator('"a"'), false, false],
  [validator("a"), validator("a"), true, true],
  [validator('W/"a"', DATE), validator('W/"a"', DATE), true, true],
  [validator('W/"a"', DATE), validator('W/"a"', OTHER), false, false],
  [validator('"a"', DATE), validator('W/"a"', DATE), true, true],
  [validator('"a"', DATE), validator('W/"a"', OTHER), false, false],
  [validator(undefined, DATE), validator(undefined, DATE), true, true],
  [validator(undefined, DATE), validator(undefined, OTHER), false, false],
  [validator('"a"', DATE), validator(undefined, OTHER), false, false],
  [validator('"a"', DATE), validator(undefined, DATE), true, true],
  [validator('"a"'), validator(undefined, DATE), true, false],
  [validator('"a"', DATE), validator('"a"'), true, true],
  [validator(), validator('"a"', DATE), true, false],
  [validator(), validator(), true, false],
];

test("13: two versions differ where their ETags or their dates do", () => {
  for (const [a, b, mayBe] of PAIRS) {
    assert.equal(agree(a, b), mayBe, JSON.stringify([a, b]));
    assert.equal(agree(b, a), mayBe, JSON.stringify([b, a]));
  }
});

test("133 a date that differs speaks against a version also beside an equal ETag", () => {
  for (const etag of ['"a"', 'W/"a"', "a"]) {
    assert.equal(agree(validator(etag, DATE), validator(etag, OTHER)), false, etag);
    assert.equal(proveSame(validator(etag, DATE), validator(etag, OTHER)), false, etag);
  }
});

test("13: two versions are the same where a strong ETag or a date says so", () => {
  for (const [a, b, , isProved] of PAIRS) {
    assert.equal(proveSame(a, b), isProved, JSON.stringify([a, b]));
    assert.equal(proveSame(b, a), isProved, JSON.stringify([b, a]));
  }
});

test("134 an equal date proves nothing if it was too young when it was noted; an equal strong ETag does", () => {
  const later = (etag?: string) => validator(etag, DATE);
  assert.equal(agree(young(), later()), true);
  assert.equal(proveSame(young(), later()), false);
  assert.equal(proveSame(young('W/"a"'), later('W/"a"')), false);
  assert.equal(proveSame(young('"a"'), later('"a"')), true);
});

test("135 a weak ETag becomes the strong one with the same tag, and no other", () => {
  const cases: [known: string | undefined, seen: string | undefined, wanted: string | undefined][] = [
    ['W/"a"', '"a"', '"a"'],
    ['w/"a"', '"a"', '"a"'],
    ['W/"a"', '"b"', undefined],
    ['W/"a"', 'W/"a"', undefined],
    ['"a"', '"a"', undefined],
    ['"a"', 'W/"a"', undefined],
    ['W/"a"', undefined, undefined],
    [undefined, '"a"', undefined],
  ];
  for (const [known, seen, wanted] of cases) {
    assert.equal(strongerTag(validator(known), validator(seen)), wanted, `${known} ${seen}`);
  }
});
