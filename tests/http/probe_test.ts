import assert from "node:assert/strict";
import { test } from "node:test";
import { RateLimit, TokenBucket } from "../../src/flow/token_bucket.ts";
import { OpenRequest } from "../../src/http/open_request.ts";
import { mayBePart, type ProbeResult, readProbe } from "../../src/http/probe.ts";
import { SegmentReader } from "../../src/http/segment_reader.ts";
import type { ByteRange } from "../../src/types.ts";
import { plainClient } from "../helpers/client_options.ts";
import { VirtualClock } from "../helpers/doubles/virtual_clock.ts";

const MIB = 2 ** 20;
const DATE = "Sun, 06 Nov 1994 08:49:37 GMT";
const FROM_ZERO: ByteRange = { start: 0, end: MIB };
const FURTHER_ON: ByteRange = { start: MIB, end: 2 * MIB };
const TO_THE_END: ByteRange = { start: 0, end: Infinity };

/** A response that nobody sent, and the signal that tells that it was given up. */
function respond(status: number, headers: Record<string, string>): [SegmentReader, AbortSignal] {
  const clock = new VirtualClock();
  const request = new OpenRequest(clock, new AbortController().signal);
  const client = plainClient();
  const throttle = new RateLimit(new TokenBucket(clock, 0));
  const reader = new SegmentReader(
    {
      ...{ client, clock, throttle, userAgent: "bytehaul/test", allowDowngrade: false },
      ...{ connectTimeoutMs: 1000, readTimeoutMs: 1000 },
    },
    {
      ...{ request, response: new Response(null, { status, headers }), waitedMs: 0 },
      target: { url: "http://example.com/a.bin", isTrusted: true },
    },
  );
  client.close();
  return [reader, request.signal];
}

function probe(
  status: number,
  headers: Record<string, string>,
  asked: ByteRange | "all of it" = FROM_ZERO,
): ProbeResult {
  const [reader] = respond(status, headers);
  const range = asked === "all of it" ? undefined : asked;
  return readProbe(reader, { range, version: undefined, wallMs: 0 });
}

test("a part tells the size, the validators and that there are ranges", () => {
  const { remote, verdict, requested } = probe(206, {
    "content-range": `bytes 0-${MIB - 1}/${3 * MIB}`,
    "etag": '"a"',
    "last-modified": DATE,
    "date": DATE,
    "content-disposition": "attachment; filename=b.bin",
  });
  assert.deepEqual(verdict, { kind: "part", range: FROM_ZERO, size: 3 * MIB });
  assert.deepEqual(requested, FROM_ZERO);
  assert.deepEqual(remote, {
    finalUrl: "http://example.com/a.bin",
    size: 3 * MIB,
    acceptsRanges: true,
    validator: { etag: '"a"', lastModified: DATE, isYoung: true },
    contentDisposition: "attachment; filename=b.bin",
  });
});

test("the whole file tells that there may be no ranges", () => {
  const { remote } = probe(200, { "content-length": "7" });
  assert.deepEqual([remote.size, remote.acceptsRanges], [7, false]);
  assert.equal(probe(200, {}).remote.size, undefined);
});

for (
  const [name, status, asked] of [["416 with a size of 0", 416, FROM_ZERO], ["204", 204, undefined]] as const
) {
  test(`an empty file has the size 0: ${name}`, () => {
    const [reader] = respond(status, { "content-range": "bytes */0", "content-length": "5" });
    const { remote, verdict } = readProbe(reader, {
      ...{ range: asked, version: undefined, mayBeEmpty: true, wallMs: 0 },
    });
    assert.deepEqual([verdict.kind, remote.size, remote.acceptsRanges], ["empty", 0, false]);
  });
}

test("a response that cannot be used is closed", () => {
  const [reader, signal] = respond(206, {});
  assert.throws(() => readProbe(reader, { range: FROM_ZERO, version: undefined, wallMs: 0 }));
  assert.equal(signal.aborted, true);
});

const part = (range: string, size: number) => ({ "content-range": `bytes ${range}/${size}` });
const length = (bytes: number) => ({ "content-length": `${bytes}` });

const WHOLE_OF_ALL = 3 * MIB;
const CASES: readonly (readonly [string, ProbeResult, boolean])[] = [
  ["206 of a larger file", probe(206, part(`0-${MIB - 1}`, WHOLE_OF_ALL)), false],
  ["206 of a file one byte larger", probe(206, part(`0-${MIB - 1}`, MIB + 1)), false],
  ["206 of a file that ends where the range does", probe(206, part(`0-${MIB - 1}`, MIB)), true],
  ["206 of a file that ends before", probe(206, part("0-99", 100)), false],
  ["206 of a part that is shorter than asked for", probe(206, part("0-99", WHOLE_OF_ALL)), false],
  ["206 of more than was asked for", probe(206, part(`0-${WHOLE_OF_ALL - 1}`, WHOLE_OF_ALL)), false],
  [
    "206 further on, whose total is the end of the range",
    probe(206, part(`${MIB}-${2 * MIB - 1}`, 2 * MIB), FURTHER_ON),
    true,
  ],
  [
    "206 further on, of a larger file",
    probe(206, part(`${MIB}-${2 * MIB - 1}`, WHOLE_OF_ALL), FURTHER_ON),
    false,
  ],
  ["206 to a range without an end", probe(206, part(`0-${MIB - 1}`, MIB), TO_THE_END), false],
  ["206 of the whole file, which was asked for", probe(206, part(`0-${MIB - 1}`, MIB), "all of it"), false],
  ["200 of a larger file", probe(200, length(WHOLE_OF_ALL)), false],
  ["200 as long as the range", probe(200, length(MIB)), true],
  ["200 one byte shorter", probe(200, length(MIB - 1)), false],
  ["200 one byte longer", probe(200, length(MIB + 1)), false],
  ["200 without a length", probe(200, {}), false],
  ["200 as long as a range further on", probe(200, length(MIB), FURTHER_ON), true],
  ["200 with a Content-Range", probe(200, { ...length(9), ...part("0-8", WHOLE_OF_ALL) }), true],
  ["200 without a length, with a Content-Range", probe(200, part(`0-${MIB - 1}`, WHOLE_OF_ALL)), true],
  ["200 to a range without an end", probe(200, length(MIB), TO_THE_END), false],
  [
    "200 to a range without an end, with a Content-Range",
    probe(200, { ...length(MIB), ...part(`0-${MIB - 1}`, MIB) }, TO_THE_END),
    false,
  ],
  ["200 that was asked for", probe(200, length(MIB), "all of it"), false],
  ["an empty file", probe(416, { "content-range": "bytes */0" }), false],
];

for (const [name, result, wanted] of CASES) {
  test(`${name.startsWith("206") ? 86 : 85} ${name} ${wanted ? "may be" : "is no"} part called the whole`, () => {
    assert.equal(mayBePart(result), wanted);
  });
}
