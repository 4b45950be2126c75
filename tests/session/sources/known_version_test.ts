import assert from "node:assert/strict";
import { test } from "node:test";
import { KnownVersion } from "../../../src/session/sources/known_version.ts";
import type { Validator } from "../../../src/types.ts";

const DATE = "Sun, 06 Nov 1994 08:49:37 GMT";
const LATER = "Sun, 06 Nov 1994 08:49:38 GMT";
const NAMELESS: Validator = { etag: undefined, lastModified: undefined };
const named = (etag?: string, lastModified?: string): Validator => ({ etag, lastModified });

const known = (validator: Validator, isJudged = true) => new KnownVersion(1000, validator, isJudged);

test("a version is what it was given", () => {
  const version = new KnownVersion(undefined, named('"a"', DATE), false);
  assert.deepEqual([version.size, version.isJudgedByChecksum, version.isMixed], [undefined, false, false]);
  assert.deepEqual([version.validator, version.recorded], [named('"a"', DATE), named('"a"', DATE)]);
});

for (
  const [name, seen] of [
    ["the same", named('"a"', DATE)],
    ["the ETag only", named('"a"')],
    ["the date only", named(undefined, DATE)],
    ["a weak ETag with the same tag", named('W/"a"', DATE)],
  ] as const
) {
  test(`96 a response that says ${name} mixes nothing`, () => {
    const version = known(named('"a"', DATE));
    version.note(seen);
    assert.equal(version.isMixed, false);
    assert.deepEqual([version.validator, version.recorded], [named('"a"', DATE), named('"a"', DATE)]);
  });
}

for (
  const [name, seen, says] of [
    ["nothing", NAMELESS, /the ETag "a" and no name$/],
    ["another ETag", named('"b"', DATE), /the ETag "a" and the ETag "b"$/],
    ["another weak ETag", named('W/"b"'), /the ETag "a" and the ETag W\/"b"$/],
    ["another date", named(undefined, LATER), new RegExp(`the ETag "a" and the date ${LATER}$`)],
  ] as const
) {
  test(`96 a response that says ${name} makes a mixture, which no later run relies on`, () => {
    const version = known(named('"a"', DATE));
    version.note(seen);
    assert.equal(version.isMixed, true);
    assert.deepEqual([version.validator, version.recorded], [named('"a"', DATE), NAMELESS]);
    assert.match(version.mixture, says);
  });
}

test("96 every other version is named once, in the order in which they came", () => {
  const version = known(named('"a"'));
  for (const etag of ['"b"', '"c"', '"b"', '"a"']) version.note(named(etag));
  assert.equal(
    version.mixture,
    'its parts came from versions with the ETag "a" and the ETag "b" and the ETag "c"',
  );
});

test("96 versions of equal ETags and different dates are two, named alike", () => {
  const version = known(named('"a"', DATE));
  version.note(named('"a"', LATER));
  assert.equal(version.isMixed, true);
  assert.match(version.mixture, /versions with the ETag "a"$/);
});

test("96 a date names a version that has no ETag", () => {
  const version = known(named(undefined, DATE));
  version.note(named(undefined, LATER));
  assert.match(version.mixture, new RegExp(`the date ${DATE} and the date ${LATER}$`));
});

test("96 what an earlier run left makes a mixture, also where it has the same name or none", () => {
  for (
    const [recorded, says] of [
      [named('"a"'), /with the ETag "a", some of them fetched by an earlier run$/],
      [named('"b"'), /with the ETag "a" and the ETag "b", some of them fetched by an earlier run$/],
      [NAMELESS, /with the ETag "a", some of them fetched by an earlier run$/],
    ] as const
  ) {
    const version = known(named('"a"'));
    version.noteLeftovers(recorded);
    assert.deepEqual([version.isMixed, version.recorded], [true, NAMELESS]);
    assert.match(version.mixture, says);
  }
  const nameless = known(NAMELESS);
  nameless.noteLeftovers(NAMELESS);
  assert.match(nameless.mixture, /with no name, some/);
});

test("135 the strong ETag of a version that had a weak one is adopted, its date stays", () => {
  const version = known(named('W/"a"', DATE), false);
  version.note(named('"a"', DATE));
  assert.deepEqual([version.validator, version.recorded], [named('"a"', DATE), named('"a"', DATE)]);
  version.note(named('W/"a"', DATE));
  assert.deepEqual(version.validator, named('"a"', DATE));
});

test("135 no other strong ETag is adopted", () => {
  for (const seen of [named('"b"', DATE), named('"a"', LATER), named('W/"a"', DATE), NAMELESS]) {
    const version = known(named('W/"a"', DATE));
    version.note(seen);
    assert.deepEqual(version.validator, named('W/"a"', DATE));
  }
  const tagless = known(named(undefined, DATE));
  tagless.note(named('"a"', DATE));
  assert.deepEqual(tagless.validator, named(undefined, DATE));
});

for (
  const [name, first, second] of [
    ["ETags", named('"b"'), named('"c"')],
    ["dates", named(undefined, DATE), named(undefined, LATER)],
    ["ETags and dates", named('"b"', DATE), named('"b"', LATER)],
  ] as const
) {
  test(`133 later responses with other ${name}, where the first had none: another version`, () => {
    const version = known(NAMELESS, false);
    version.note(first);
    version.note(first);
    version.note(NAMELESS);
    assert.throws(() => version.note(second), { code: "remote_changed" });
    assert.deepEqual([version.validator, version.recorded], [NAMELESS, NAMELESS]);
  });

  test(`96 later responses with other ${name}, where the first had none, and a checksum: a mixture`, () => {
    const version = known(NAMELESS);
    version.note(first);
    assert.equal(version.isMixed, false);
    version.note(second);
    assert.equal(version.isMixed, true);
  });
}
