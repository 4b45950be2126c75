import assert from "node:assert/strict";
import { test } from "node:test";
import { ContradictionError, UnusableResponseError } from "../../../src/http/unusable_response.ts";
import {
  DownloadError,
  type DownloadErrorCode,
  HttpStatusError,
  RemoteChangedError,
} from "../../../src/errors.ts";
import {
  type AfterFailure,
  afterFailure,
  type FailureState,
  type FinalStep,
  isOverload,
} from "../../../src/session/transfer/after_failure.ts";

const MIB = 2 ** 20;

/** A request of the only connection, for a range as long as one that was served. */
const ALONE: FailureState = {
  isExtra: false,
  isTooMany: false,
  isReturning: false,
  wereOthersRefused: false,
  wereOthersOpen: false,
  refusals: 0,
  failures: 0,
  requestedBytes: MIB,
  servedBytes: MIB,
  leastBytes: MIB / 4,
  hasServedMiddle: true,
};
const EXTRA: FailureState = { ...ALONE, isExtra: true };
const LAST_LEFT: FailureState = { ...ALONE, wereOthersRefused: true };
const LAST_RETRIED: FailureState = { ...LAST_LEFT, failures: 2 };
const WHOLE: FailureState = { ...ALONE, requestedBytes: undefined };

const FATAL = { kind: "fatal" } as const;
const PLAIN = { kind: "complete file" } as const;
const ALONE_AGAIN = { kind: "try alone" } as const;
const GONE = { kind: "retire", mayReturn: false } as const;
const AWAY = { kind: "retire", mayReturn: true } as const;
/** A server gets some time before what it refused for good is requested again. */
const GRACE_MS = 2000;
const retry = (whenSpent: FinalStep, afterMs = 0): AfterFailure => ({ kind: "retry", afterMs, whenSpent });
const less = (bytes: number): AfterFailure => ({ kind: "shorten", bytes });

const status = (code: number, retryable = false) => new HttpStatusError(code, `${code}`, { retryable });
const failure = (code: DownloadErrorCode, retryable = false) => new DownloadError(code, code, { retryable });
const unusable = (retryable = false) => new UnusableResponseError("it does not fit", { retryable });
const lost = (code: DownloadErrorCode) => failure(code, true);

interface Row {
  readonly name: string;
  readonly error: unknown;
  readonly state: FailureState;
  readonly gives: AfterFailure;
}

const rows: Row[] = [];

function row(name: string, error: unknown, state: FailureState, gives: AfterFailure): void {
  rows.push({ name, error, state, gives });
}

for (const state of [ALONE, EXTRA, LAST_LEFT, WHOLE]) {
  const who = state.isExtra ? "of many" : state.wereOthersRefused ? "the last" : "alone";
  row(`${who}: what is no DownloadError is a mistake of ours`, new TypeError("no"), state, FATAL);
  row(`${who}: a file that changed`, new RemoteChangedError("changed"), state, FATAL);
}

for (const code of [400, 403, 413, 416]) {
  const long = { requestedBytes: 8 * MIB, servedBytes: MIB };
  for (const state of [ALONE, EXTRA, LAST_LEFT]) {
    row(`${code} to more than was served: half`, status(code), { ...state, ...long }, less(4 * MIB));
  }
  row(`${code} to as much as was served`, status(code), ALONE, PLAIN);
  row(`${code} before anything was served`, status(code), { ...ALONE, ...long, servedBytes: 0 }, PLAIN);
  row(`${code} to a request for the whole file`, status(code), { ...WHOLE, servedBytes: 1 }, FATAL);
  row(`${code} to an extra connection`, status(code), EXTRA, GONE);
  row(`${code} to the last connection`, status(code), LAST_LEFT, retry(PLAIN, GRACE_MS));
  row(
    `${code} to the last connection, once more`,
    status(code),
    { ...LAST_LEFT, failures: 1 },
    retry(PLAIN, GRACE_MS),
  );
  row(`${code} to the last connection, twice more`, status(code), LAST_RETRIED, PLAIN);
}
for (const code of [401, 404, 410, 421, 451, 509]) {
  row(`${code} is about no length`, status(code), { ...EXTRA, requestedBytes: 8 * MIB }, GONE);
}
row("half of an odd number", status(403), { ...ALONE, requestedBytes: 3 * MIB + 1 }, less(1.5 * MIB + 1));
row(
  "half is never less than is worth a request, where that was served",
  status(403),
  { ...ALONE, requestedBytes: MIB, servedBytes: 900_000, leastBytes: 800_000 },
  less(800_000),
);
row(
  "nor less than was served, where that is less",
  status(403),
  { ...ALONE, requestedBytes: MIB, servedBytes: 600_000, leastBytes: 10 * MIB },
  less(600_000),
);
row(
  "a byte more than was served",
  status(403),
  { ...ALONE, requestedBytes: 2, servedBytes: 1, leastBytes: 1 },
  less(1),
);
row("a body that cannot be used is of no length", unusable(), {
  ...ALONE,
  requestedBytes: 8 * MIB,
}, PLAIN);

for (const code of ["connect", "network", "timeout", "proxy"] as const) {
  row(`an extra connection, ${code} once`, lost(code), EXTRA, retry(AWAY));
  row(`an extra connection, ${code} twice`, lost(code), { ...EXTRA, refusals: 1 }, retry(AWAY));
  row(`an extra connection, ${code} once more`, lost(code), { ...EXTRA, refusals: 2 }, AWAY);
  row(`an extra connection, ${code} for good`, failure(code), EXTRA, GONE);
  row(`the only one, ${code}`, lost(code), { ...ALONE, refusals: 5 }, retry(FATAL));
  row(`the only one, ${code} for good`, failure(code), ALONE, FATAL);
  const crowded = { ...ALONE, wereOthersOpen: true, failures: 1 };
  row(`the only one left, ${code} while others were open`, lost(code), crowded, retry(ALONE_AGAIN));
  row(`the same without retries, ${code}`, lost(code), { ...crowded, failures: 0 }, retry(FATAL));
  row(`the last one, ${code} for good`, failure(code), LAST_LEFT, retry(FATAL, GRACE_MS));
  row(`the last one, ${code} for good, twice more`, failure(code), LAST_RETRIED, FATAL);
}
for (const code of [429, 500, 503]) {
  const passing = status(code, true);
  row(`an extra connection, ${code}`, passing, { ...EXTRA, refusals: 9 }, retry(AWAY));
  row(`the only one, ${code}`, passing, ALONE, retry(FATAL));
  row(`the last one, ${code}`, passing, LAST_LEFT, retry(FATAL));
  row(`the last one, ${code}, again and again`, passing, { ...LAST_LEFT, failures: 99 }, retry(FATAL));
}
row("an extra connection, a page", unusable(), EXTRA, GONE);
row("an extra connection, the whole file", unusable(true), EXTRA, retry(AWAY));
row("the only one, a page", unusable(), ALONE, PLAIN);
row("the only one, the whole file", unusable(true), ALONE, retry(PLAIN));
row("the last one, a page", unusable(), LAST_LEFT, retry(PLAIN, GRACE_MS));
row("a page for the whole file", unusable(), WHOLE, FATAL);
row("a page for the whole file, of the last", unusable(), {
  ...WHOLE,
  wereOthersRefused: true,
}, retry(FATAL, GRACE_MS));
for (const code of [401, 407, 410, 451]) {
  row(`the only one, ${code}: it is not the range`, status(code), ALONE, FATAL);
  row(`the last one, ${code}: it is not the range`, status(code), LAST_LEFT, retry(FATAL, GRACE_MS));
}
for (const code of [404, 405, 501]) row(`the only one, ${code}`, status(code), ALONE, PLAIN);
for (const code of ["dns", "redirect", "tls", "storage"] as const) {
  row(`the only one, ${code}`, failure(code), ALONE, FATAL);
  row(`an extra connection, ${code}`, failure(code), EXTRA, GONE);
}

const dated = new HttpStatusError(403, "403", { retryable: true, retryAfterMs: 5 });
const RETURNING: FailureState = { ...EXTRA, isReturning: true };
for (
  const [name, error] of [["429", status(429, true)], ["503", status(503, true)], ["dated", dated]] as const
) {
  row(`an extra connection that returns, ${name}`, error, RETURNING, AWAY);
  row(`the only one, which returns, ${name}`, error, { ...RETURNING, isExtra: false }, retry(FATAL));
}
row("an extra connection that returns, 500", status(500, true), RETURNING, retry(AWAY));
row("an extra connection that returns, 404", status(404), RETURNING, GONE);
row("an extra connection that returns, network", lost("network"), RETURNING, retry(AWAY));
const anything = [
  ...[status(429, true), status(503, true), status(500, true), status(404), unusable(), failure("network")],
  ...[new RemoteChangedError("changed"), new ContradictionError(1, 2), new TypeError("no")],
];
for (const error of anything) {
  const name = `${error.constructor.name} ${error.message}`;
  row(
    `one connection too many, ${name}`,
    error,
    { ...EXTRA, isTooMany: true, requestedBytes: 8 * MIB },
    AWAY,
  );
  const alone = { ...ALONE, isTooMany: true };
  row(`too many, but the only one, ${name}`, error, alone, afterFailure(error, ALONE));
}
row("two sizes of one version", new ContradictionError(1, 2), ALONE, FATAL);
row("two sizes of one version, of an extra connection", new ContradictionError(1, 2), EXTRA, FATAL);

for (const { name, error, state, gives } of rows) {
  test(`92 after a failure, ${name}: ${gives.kind}`, () => {
    assert.deepEqual(afterFailure(error, state), gives);
  });
}

test("92 asking for less comes to an end", () => {
  for (const [servedBytes, leastBytes] of [[1, 1], [MIB, MIB / 4], [100, 4 * MIB]] as const) {
    let requestedBytes = 64 * MIB;
    for (let count = 0;; count++) {
      const next = afterFailure(status(416), { ...ALONE, requestedBytes, servedBytes, leastBytes });
      if (next.kind !== "shorten") break;
      assert.deepEqual([next.bytes < requestedBytes, next.bytes > 0, count < 30], [true, true, true]);
      requestedBytes = next.bytes;
    }
    assert.deepEqual(requestedBytes <= servedBytes, true);
  }
});

test("136 what asks for quiet: 429, 503, and all that say when to come back, where time can change it", () => {
  const lasting = new HttpStatusError(405, "405", { retryAfterMs: 5 });
  const outcomes = [status(429, true), status(503, true), dated, lasting, status(500, true), lost("network")];
  assert.deepEqual(outcomes.map(isOverload), [true, true, true, false, false, false]);
  assert.deepEqual([isOverload(new Error("503")), isOverload(undefined)], [false, false]);
});

test("what passes is of the range where nothing but the first one was ever served", () => {
  const state = { ...ALONE, hasServedMiddle: false };
  for (
    const error of [
      new HttpStatusError(503, "", { retryable: true }),
      new DownloadError("network", "", { retryable: true }),
    ]
  ) {
    assert.deepEqual(afterFailure(error, state), retry(PLAIN));
    assert.deepEqual(afterFailure(error, { ...state, requestedBytes: undefined }), retry(FATAL));
    assert.deepEqual(afterFailure(error, { ...state, isExtra: true }), retry(AWAY));
  }
  assert.deepEqual(afterFailure(new HttpStatusError(410, "", { retryable: true }), state), retry(FATAL));
});
