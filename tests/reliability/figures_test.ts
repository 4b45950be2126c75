import assert from "node:assert/strict";
import { test } from "node:test";
import { Figures } from "./figures.ts";
import { givenOptions } from "./harness_options.ts";
import { percentile } from "./run_harness.ts";

test("options are those that are given", () => {
  assert.deepEqual(givenOptions([]), {});
  const args = ["--seed", "7", "--n", "3", "--only", "plain:4"];
  assert.deepEqual(givenOptions(args), { seed: 7, n: 3, only: "plain:4" });
  assert.throws(() => givenOptions(["--n", "many"]), RangeError);
});

test("a percentile is one of the values", () => {
  const values = Array.from({ length: 100 }, (_, index) => 100 - index);
  assert.deepEqual([0.5, 0.95, 1].map((part) => percentile(values, part)), [50, 95, 100]);
  assert.equal(percentile([4], 0.5), 4);
});

test("figures are one line, failures by kind", () => {
  const figures = new Figures();
  figures.runs = 3;
  figures.count("exact");
  figures.count("exact");
  figures.measure("bytes", 5);
  assert.equal(figures.line(), "3 runs; 0 failures; exact 2; bytes p50 5, p95 5, max 5");
  figures.fail("plain:1", "I3", "");
  figures.fail("plain:2", "I3", "");
  assert.equal(figures.line(), "3 runs; 2 failures (I3 2); exact 2; bytes p50 5, p95 5, max 5");
});
