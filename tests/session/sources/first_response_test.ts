import assert from "node:assert/strict";
import { test } from "node:test";
import { readProbe } from "../../../src/http/probe.ts";
import { Caller } from "../../../src/http/caller/caller.ts";
import { openSegment } from "../../../src/http/segment_reader.ts";
import { detectRuntime } from "../../../src/runtime/detect.ts";
import { FirstResponse } from "../../../src/session/sources/first_response.ts";

const FILE_URL = "http://first.test/file.bin";

/** A response of 100 bytes that come never, and how often its body was cancelled. */
async function open(): Promise<{ first: FirstResponse; cancelled: () => number }> {
  let cancelled = 0;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({ cancel: () => void cancelled++ });
  const response = new Response(body, { headers: { "content-length": "100", etag: '"a"' } });
  const { clock } = detectRuntime();
  const transport = {
    ...{ client: { get: () => Promise.resolve(response), close: () => {} }, clock, userAgent: "test" },
    ...{ throttle: { isSet: false, transform: () => new TransformStream() }, allowDowngrade: false },
    ...{ connectTimeoutMs: 1000, readTimeoutMs: 1000 },
  };
  const { signal } = new AbortController();
  const reader = await openSegment(transport, {
    ...{ target: { url: FILE_URL, isTrusted: true }, range: undefined, ifRange: undefined, signal },
    caller: new Caller({ headers: new Headers(), cookies: [], netrc: [] }, FILE_URL),
  });
  const expected = { range: undefined, version: undefined, wallMs: clock.wallMs() };
  return { first: new FirstResponse(readProbe(reader, expected)), cancelled: () => cancelled };
}

test("who has a response closes it by disposing of it, once", async () => {
  const { first, cancelled } = await open();
  {
    using _ = first;
    assert.equal(cancelled(), 0);
  }
  first[Symbol.dispose]();
  assert.equal(cancelled(), 1);
});

test("who passed a response on does not close it", async () => {
  const { first, cancelled } = await open();
  const taken = first.take();
  first[Symbol.dispose]();
  assert.equal(cancelled(), 0);
  taken[Symbol.dispose]();
  assert.equal(cancelled(), 1);
});

test("who passed a response on still knows what it said, and can neither read nor pass it on again", async () => {
  const { first } = await open();
  using taken = first.take({ leastSize: 30 });
  assert.deepEqual([first.remote.size, first.verdict.kind, first.leastSize], [100, "complete", 0]);
  assert.deepEqual([taken.remote, taken.verdict, taken.leastSize], [first.remote, first.verdict, 30]);
  assert.throws(() => first.reader, TypeError);
  assert.throws(() => first.take(), TypeError);
  assert.equal(taken.reader.status, 200);
});

test("a response that was closed is read no more", async () => {
  const { first } = await open();
  const { reader } = first;
  first[Symbol.dispose]();
  assert.throws(() => first.reader, TypeError);
  await assert.rejects(reader.read({ bytes: new Uint8Array(10) }, 10));
});
