import assert from "node:assert/strict";
import { test } from "node:test";
import { UsageError } from "../../../src/cli/flags/usage_error.ts";
import { specsFor } from "../../../src/cli/inputs/specs_for.ts";
import { OptionError } from "../../../src/option_error.ts";

test("specsFor() suggests the scheme that a URL lacks", () => {
  const cases = [
    ["example.com/file", "https://example.com/file"],
    ["example.com:8080/file?key=1", "https://example.com:8080/file"],
    ["localhost:8080", "https://localhost:8080/"],
    ["192.0.2.1:80/f", "https://192.0.2.1:80/f"],
  ] as const;
  for (const [given, meant] of cases) {
    assert.throws(() => specsFor({})(given), (error: unknown) => {
      assert.ok(error instanceof UsageError);
      assert.ok(error.message.endsWith(`it has no scheme; did you mean ${meant}?`), error.message);
      assert.ok(error.message.includes(`"${given.replace(/\?.*/, "")}"`), error.message);
      assert.doesNotMatch(error.message, /key=1/);
      return true;
    });
  }
});

test("specsFor() suggests nothing where something else is wrong", () => {
  for (const given of ["not a url", "ftp://example.com/f", "user:pw@example.com/f", "file:///etc", ""]) {
    assert.throws(() => specsFor({})(given), (error: unknown) => error instanceof OptionError);
  }
});
