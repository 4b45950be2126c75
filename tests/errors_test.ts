import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ChecksumMismatchError,
  ControlFileError,
  DownloadError,
  HttpStatusError,
  RemoteChangedError,
} from "../src/errors.ts";

test("a DownloadError has a code, a cause, and is not retryable unless it says so", () => {
  const cause = new Error("why");
  const error = new DownloadError("network", "Cannot go on", { cause, retryable: true });
  assert.ok(error instanceof Error);
  assert.deepEqual([error.name, error.code, error.message], ["DownloadError", "network", "Cannot go on"]);
  assert.deepEqual([error.cause, error.retryable], [cause, true]);
  assert.equal(new DownloadError("storage", "Cannot go on").retryable, false);
});

test("every member of the family has its own name, code and fields", () => {
  const status = new HttpStatusError(503, "busy", { retryable: true, retryAfterMs: 5 });
  const changed = new RemoteChangedError("other");
  const mismatch = new ChecksumMismatchError("md5:aa", "md5:bb");
  const control = new ControlFileError("/x/a.bytehaul", "unreadable");
  assert.deepEqual(
    [status, changed, mismatch, control].map(({ name, code, retryable }) => [name, code, retryable]),
    [
      ["HttpStatusError", "http_status", true],
      ["RemoteChangedError", "remote_changed", false],
      ["ChecksumMismatchError", "checksum_mismatch", false],
      ["ControlFileError", "control_file", false],
    ],
  );
  for (const error of [status, changed, mismatch, control]) {
    assert.ok(error instanceof DownloadError);
    assert.ok(String(error).startsWith(`${error.name}: `));
  }
  assert.deepEqual([status.status, status.retryAfterMs], [503, 5]);
  assert.equal(new HttpStatusError(404, "gone").retryAfterMs, undefined);
  assert.deepEqual([mismatch.expected, mismatch.actual], ["md5:aa", "md5:bb"]);
  assert.match(mismatch.message, /is md5:bb, expected md5:aa/);
  assert.equal(control.path, "/x/a.bytehaul");
});
