import assert from "node:assert/strict";
import { test } from "node:test";
import { overridesFor, parseOverrides } from "../../src/options/address_overrides.ts";

test("overrides are for a host and a port; a host that is named goes before any", () => {
  const overrides = parseOverrides({
    "Example.com.:443": "192.0.2.1",
    "*:443": ["[2001:DB8::1]", "192.0.2.2"],
    "bücher.test:080": "::1",
  });
  assert.deepEqual(overridesFor(overrides, "example.com", 443), ["192.0.2.1"]);
  assert.equal(overridesFor(overrides, "example.com", 80), undefined);
  assert.deepEqual(overridesFor(overrides, "www.example.com", 443), ["2001:db8::1", "192.0.2.2"]);
  assert.deepEqual(overridesFor(overrides, "xn--bcher-kva.test", 80), ["::1"]);
});

test("without the option there are none", () => {
  assert.equal(parseOverrides(undefined).size, 0);
});

const PLACES = [
  ...["", "example.com", ":443", "example.com:", "example.com:0", "example.com:65536", "example.com:x"],
  ...[
    "a b:80",
    "a/b:80",
    "u@h:80",
    "192.0.2.1:80",
    "[::1]:80",
    "*.example.com:x",
    "https://example.com:443",
    ".:80",
  ],
];

for (const place of PLACES) {
  test(`a place ${JSON.stringify(place)} is refused by name`, () => {
    assert.throws(() => parseOverrides({ [place]: "192.0.2.1" }), (error) => {
      assert.ok(error instanceof TypeError);
      assert.ok(
        error.message.startsWith(`Cannot use resolve entry ${JSON.stringify(place)}: expected a host name`),
      );
      return true;
    });
  });
}

for (
  const value of ["", "example.com", "192.0.2.1:80", [], ["192.0.2.1", "x"], 1, null, [1], "[192.0.2.1]"]
) {
  test(`addresses ${JSON.stringify(value)} are refused`, () => {
    assert.throws(() => parseOverrides({ "example.com:80": value }), {
      name: "TypeError",
      message: /^Cannot use resolve\["example\.com:80"\] .*: expected an IP address or a list of them$/,
    });
  });
}

for (const value of [null, "example.com:80:192.0.2.1", [], 1]) {
  test(`overrides ${JSON.stringify(value)} are refused`, () => {
    assert.throws(() => parseOverrides(value), {
      name: "TypeError",
      message: /^Cannot use resolve .*: expected an object/,
    });
  });
}
