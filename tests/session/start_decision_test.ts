import assert from "node:assert/strict";
import { test } from "node:test";
import { ChecksumMismatchError, DownloadError } from "../../src/errors.ts";
import { ContradictionError } from "../../src/http/unusable_response.ts";
import { KnownVersion } from "../../src/session/sources/known_version.ts";
import {
  decideRestart,
  decideStart,
  type Doubt,
  type Found,
  type FoundRecord,
  type FreshReason,
  type RestartDecision,
  type StartDecision,
} from "../../src/session/start_decision.ts";

const STRONG = { etag: '"a"', lastModified: undefined };
const WEAK = { etag: 'W/"a"', lastModified: undefined };
const NAMELESS = { etag: undefined, lastModified: undefined };

const RECORD: FoundRecord = { isSameUrl: true, isSameQuery: true, validator: STRONG, claimedBytes: 10 };
const OTHER_QUERY = { ...RECORD, isSameQuery: false };
const OTHER_URL = { ...OTHER_QUERY, isSameUrl: false };
const FOUND: Found = { control: RECORD, isJudged: false, options: { resume: true, overwrite: false } };
const NO_RESUME = { resume: false, overwrite: false };
const OVERWRITE = { resume: true, overwrite: true };
const SOME = { doneBytes: 7, isComplete: false };
const ALL = { doneBytes: 10, isComplete: true };
const NONE = { doneBytes: 0, isComplete: false };

const fresh = (reason?: FreshReason): StartDecision => ({ kind: "fresh", reason });
const RESUME: StartDecision = { kind: "resume" };
const REFUSE: StartDecision = { kind: "refuse" };
const SET_ASIDE: StartDecision = { kind: "set aside" };
const OPEN: StartDecision = { kind: "open the part file" };
const PROVE: StartDecision = { kind: "prove the part file" };
const ASK: StartDecision = { kind: "request the missing bytes" };

const STARTS: Readonly<Record<string, readonly [Partial<Found>, StartDecision]>> = {
  "no control file": [{ control: "none" }, fresh()],
  "no control file, with a checksum": [{ control: "none", isJudged: true }, fresh()],
  "a damaged control file": [{ control: "damaged" }, SET_ASIDE],
  "a damaged control file, and resume is off": [{ control: "damaged", options: NO_RESUME }, SET_ASIDE],
  "resume is off": [{ options: NO_RESUME }, fresh()],
  "resume is off, and another URL": [{ control: OTHER_URL, options: NO_RESUME }, fresh()],
  "another URL": [{ control: OTHER_URL }, REFUSE],
  "another URL, to be overwritten": [{ control: OTHER_URL, options: OVERWRITE }, fresh()],
  "another URL, with a checksum": [{ control: OTHER_URL, isJudged: true }, OPEN],
  "another URL without a byte, which is refused all the same": [
    { control: { ...OTHER_URL, claimedBytes: 0 } },
    REFUSE,
  ],
  "another query": [{ control: OTHER_QUERY }, OPEN],
  "no byte": [{ control: { ...RECORD, claimedBytes: 0 } }, fresh()],
  "a version without a name": [{ control: { ...RECORD, validator: NAMELESS } }, fresh("unnamed version")],
  "a version with a weak name": [{ control: { ...RECORD, validator: WEAK } }, fresh("unnamed version")],
  "a version without a name, with a checksum": [
    { control: { ...RECORD, validator: NAMELESS }, isJudged: true },
    OPEN,
  ],
  "a part file that nobody has looked at": [{}, OPEN],
  "no part file": [{ part: "missing" }, fresh("no part file")],
  "a part file that is not proven": [{ part: "opened" }, PROVE],
  "a part file of which nothing is right": [{ part: NONE }, fresh()],
  "a part file of which something is right": [{ part: SOME }, ASK],
  "something, with a checksum": [{ part: SOME, isJudged: true }, ASK],
  "a complete part file": [{ part: ALL }, RESUME],
  "a complete part file of another query": [{ control: OTHER_QUERY, part: ALL }, ASK],
  "a complete part file of another query, with a checksum": [
    { control: OTHER_QUERY, part: ALL, isJudged: true },
    RESUME,
  ],
  "a complete part file of another URL, with a checksum": [
    { control: OTHER_URL, part: ALL, isJudged: true },
    RESUME,
  ],
  "the same version": [{ part: SOME, answer: "same" }, RESUME],
  "the same version, of another query": [{ control: OTHER_QUERY, part: SOME, answer: "same" }, RESUME],
  "another version": [{ part: SOME, answer: "changed" }, fresh("changed")],
  "another version, with a checksum": [
    { part: SOME, answer: "changed", isJudged: true },
    fresh("changed"),
  ],
  "the same version, all of it only": [{ part: SOME, answer: "no ranges" }, fresh("no ranges")],
  "another version of another query": [{ control: OTHER_QUERY, part: SOME, answer: "changed" }, REFUSE],
  "another version of another query, to be overwritten": [
    { control: OTHER_QUERY, part: SOME, answer: "changed", options: OVERWRITE },
    fresh("changed"),
  ],
  "another URL whose server sends all of it only, with a checksum": [
    { control: OTHER_URL, part: SOME, answer: "no ranges", isJudged: true },
    REFUSE,
  ],
  "a complete part file of another query, and another version": [
    { control: OTHER_QUERY, part: ALL, answer: "changed" },
    REFUSE,
  ],
};

for (const [what, [found, decision]] of Object.entries(STARTS)) {
  test(`a start finds ${what}: ${decision.kind}`, () => {
    assert.deepEqual(decideStart({ ...FOUND, ...found }), decision);
  });
}

const MISMATCH = new ChecksumMismatchError("sha256:00", "sha256:11");
const VERSION = new KnownVersion(10, STRONG, true);
const mixed = (): KnownVersion => {
  const version = new KnownVersion(10, STRONG, true);
  version.noteLeftovers({ etag: '"b"', lastModified: undefined });
  return version;
};

type RestartRow = readonly [
  unknown,
  Doubt | undefined,
  KnownVersion | undefined,
  RestartDecision["kind"],
  RegExp?,
];

const RESTARTS: Readonly<Record<string, RestartRow>> = {
  "an error of another kind": [new DownloadError("network", "gone"), "resumed", VERSION, "fail"],
  "what is no error of a download": ["a reason", "resumed", VERSION, "fail"],
  "two sizes of one version": [
    new ContradictionError(10, 11),
    undefined,
    VERSION,
    "restart plainly",
    /; restarting with one request$/,
  ],
  "two sizes before a version is known": [new ContradictionError(10, 11), "resumed", undefined, "fail"],
  "a mismatch of what came in one run": [MISMATCH, undefined, VERSION, "fail"],
  "a mismatch before a version is known": [MISMATCH, undefined, undefined, "fail"],
  "a mismatch of what was resumed": [
    MISMATCH,
    "resumed",
    VERSION,
    "restart",
    /an earlier run left may be to blame/,
  ],
  "a mismatch of mixed versions": [
    MISMATCH,
    undefined,
    mixed(),
    "restart plainly",
    /; restarting from one source$/,
  ],
  "a mismatch of mixed versions that was resumed": [
    MISMATCH,
    "resumed",
    mixed(),
    "restart plainly",
    /some of them fetched by an earlier run; restarting from one source$/,
  ],
  "a mismatch of what came without a length": [
    MISMATCH,
    "length unknown",
    VERSION,
    "restart",
    /no response gave the length, so the file may have been cut short; restarting$/,
  ],
};

for (const [what, [error, doubt, version, kind, reason]] of Object.entries(RESTARTS)) {
  test(`an attempt fails for ${what}: ${kind}`, () => {
    const decision = decideRestart(error, doubt, version);
    assert.equal(decision.kind, kind);
    if (decision.kind !== "fail") assert.match(decision.reason, reason!);
  });
}

test("a plain restart asks for the version with two sizes, and for any where versions were mixed", () => {
  const likeOf = (decision: RestartDecision) => decision.kind === "restart plainly" ? decision.like : "none";
  assert.equal(likeOf(decideRestart(new ContradictionError(10, "more"), "resumed", VERSION)), STRONG);
  assert.equal(likeOf(decideRestart(MISMATCH, "resumed", mixed())), undefined);
});
