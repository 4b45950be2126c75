import assert from "node:assert/strict";
import { test } from "node:test";
import {
  formatBytes,
  formatBytesShort,
  formatDuration,
  formatPart,
  formatRate,
} from "../../../src/cli/report/format.ts";

const KIB = 2 ** 10;
const MIB = 2 ** 20;
const GIB = 2 ** 30;

test("formatBytes() tells three digits in the unit that suits", () => {
  const cases: [number, string][] = [
    [0, "0 B"],
    [1023, "1023 B"],
    [KIB, "1.00 KiB"],
    [9.995 * KIB, "10.0 KiB"],
    [99.95 * KIB, "100 KiB"],
    [999.5 * KIB, "0.98 MiB"],
    [1.5 * GIB, "1.50 GiB"],
    [Number.MAX_SAFE_INTEGER, "8.00 PiB"],
  ];
  for (const [bytes, expected] of cases) assert.equal(formatBytes(bytes), expected);
});

test("formatRate() and formatPart() stay within their columns", () => {
  assert.equal(formatRate(0), "0 B/s");
  assert.equal(formatPart(512 * MIB, 1.5 * GIB), "0.50/1.50 GiB");
  assert.equal(formatPart(7, 900), "7/900 B");
  for (let bytes = 1; bytes < 2 ** 50; bytes = Math.ceil(bytes * 1.37)) {
    assert.ok(formatRate(bytes).length <= 10, formatRate(bytes));
    assert.ok(formatPart(bytes / 3, bytes).length <= 13, formatPart(bytes / 3, bytes));
    assert.ok(formatBytesShort(bytes).length <= 4, formatBytesShort(bytes));
  }
});

test("formatBytesShort() needs no more than four characters", () => {
  assert.equal(formatBytesShort(512), "512B");
  assert.equal(formatBytesShort(1000), "1.0K");
  assert.equal(formatBytesShort(9.5 * MIB), "9.5M");
  assert.equal(formatBytesShort(120 * GIB), "120G");
});

test("formatDuration() speaks in the units of a clock, then in days", () => {
  const cases: [number | undefined, string][] = [
    [0, "0:00"],
    [7.4, "0:07"],
    [59.6, "1:00"],
    [754, "12:34"],
    [3723, "1:02:03"],
    [35_999, "9:59:59"],
    [86_399, "23h 59m"],
    [3 * 86_400 + 4 * 3600, "3d 04h"],
    [100 * 86_400, "-:--"],
    [Infinity, "-:--"],
    [undefined, "-:--"],
  ];
  for (const [seconds, expected] of cases) assert.equal(formatDuration(seconds), expected);
});
