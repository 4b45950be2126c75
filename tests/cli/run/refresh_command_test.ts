import assert from "node:assert/strict";
import { test } from "node:test";
import { describeFailure } from "../../../src/cli/run/failure.ts";
import {
  parseRefreshOutput,
  refreshByCommand,
  RefreshCommandError,
} from "../../../src/cli/run/refresh_command.ts";
import { HttpStatusError } from "../../../src/errors.ts";

test("parseRefreshOutput() reads a URL and header fields", () => {
  const { url, headers } = parseRefreshOutput(
    "\n https://h/f?sig=1 \r\nX-Key: a: b\r\n\nAuthorization: Bearer t\n",
  );
  assert.equal(String(url), "https://h/f?sig=1");
  assert.deepEqual(headers, [["X-Key", "a: b"], ["Authorization", "Bearer t"]]);
  assert.deepEqual(parseRefreshOutput("http://h/").headers, []);
});

test("parseRefreshOutput() says what is wrong and repeats nothing of it", () => {
  const cases: [text: string, reason: RegExp][] = [
    ["", /printed nothing/],
    [" \n\n", /printed nothing/],
    ["hunter2", /is not an http or https URL/],
    ["ftp://hunter2/", /is not an http or https URL/],
    ["http://h/\nhunter2", /line 2 .* is not "Name: value"/],
  ];
  for (const [text, reason] of cases) {
    assert.throws(() => parseRefreshOutput(text), (error: Error) => {
      assert.match(error.message, reason);
      assert.doesNotMatch(error.message, /hunter2/);
      return error instanceof RefreshCommandError;
    });
  }
});

test("refreshByCommand() hands the status over and runs the command with the download's signal", async () => {
  const calls: unknown[] = [];
  const refresh = refreshByCommand("sign f", (...call) => {
    calls.push(call);
    return Promise.resolve({ status: 0, stdout: "https://h/new" });
  });
  const { signal } = new AbortController();
  assert.equal(String((await refresh({ status: 410, signal }))?.url), "https://h/new");
  assert.deepEqual(calls, [["sign f", { BYTEHAUL_STATUS: "410" }, signal]]);
});

test("refreshByCommand() fails with a command that fails", async () => {
  for (const [status, reason] of [[3, /ended with status 3/], [null, /a signal ended it/]] as const) {
    const refresh = refreshByCommand("x", () => Promise.resolve({ status, stdout: "https://h/new" }));
    const { signal } = new AbortController();
    await assert.rejects(async () => await refresh({ status: 403, signal }), reason);
  }
});

test("describeFailure() tells why the command supplied nothing", () => {
  const error = new HttpStatusError(
    403,
    "Cannot fetch the file: the server answered 403, and refresh failed",
    {
      cause: new RefreshCommandError("it ended with status 3"),
    },
  );
  assert.deepEqual(describeFailure(error, 6), {
    exitStatus: 1,
    code: "http_status",
    message:
      "Cannot fetch the file: the server answered 403, and --refresh-cmd failed: it ended with status 3",
    httpStatus: 403,
    retryable: false,
  });
});
