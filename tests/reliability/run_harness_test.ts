import assert from "node:assert/strict";
import { test } from "node:test";
import { givenOptions } from "./harness_options.ts";
import { indexesOf, isWanted, verdictOf } from "./run_harness.ts";
import { Findings, percentile } from "./tally.ts";

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

test("--only is a number where runs have numbers", () => {
  assert.deepEqual(indexesOf(3, undefined), [0, 1, 2]);
  assert.deepEqual(indexesOf(3, "7"), [7]);
  assert.throws(() => indexesOf(3, "plain"), RangeError);
});

test("--only is the start of a name where cases have names, and what is above and below it runs, too", () => {
  const names = ["plain", "plain:4", "plain:4:1", "plain:5", "small"];
  assert.deepEqual(names.filter((name) => isWanted(name)), names);
  assert.deepEqual(names.filter((name) => isWanted(name, "plain:4")), ["plain", "plain:4", "plain:4:1"]);
  assert.deepEqual(names.filter((name) => isWanted(name, "plain:4:1")), ["plain", "plain:4", "plain:4:1"]);
});

test("findings are one line, failures by kind", () => {
  const findings = new Findings();
  findings.add("runs", 3);
  findings.add("exact");
  findings.measure("bytes", 5);
  assert.deepEqual(verdictOf(findings), {
    figures: "exact 1, runs 3; bytes p50 5, p95 5, max 5",
    failures: [],
  });
  findings.fail("plain:1", "I3", "wrong");
  findings.fail("plain:2", "I3", "wrong");
  assert.deepEqual(verdictOf(findings), {
    figures: "exact 1, runs 3; bytes p50 5, p95 5, max 5; failed: I3 2",
    failures: ['--only "plain:1": I3: wrong', '--only "plain:2": I3: wrong'],
  });
});

test("a harness that ran nothing has failed", () => {
  assert.deepEqual(verdictOf(new Findings()).failures, ["nothing was run: --only names no case"]);
});
