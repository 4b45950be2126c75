// The cost of a rate limit that delays nothing, and of one with many waiters.
import { RateLimit, TokenBucket } from "../../src/flow/token_bucket.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import type { Clock } from "../../src/runtime/runtime.ts";

/** A clock that stands still, so that time ends no wait. */
const stopped: Clock = { monotonicMs: () => 0, wallMs: () => 0, sleep: () => new Promise(() => {}) };
const { signal } = new AbortController();
const unlimited = new TokenBucket(systemClock, 0);
const wide = new TokenBucket(systemClock, Number.MAX_SAFE_INTEGER);

Deno.bench("take, no limit", { group: "token bucket", baseline: true }, () => unlimited.take(1, signal));
Deno.bench("take, a limit that is never reached", { group: "token bucket" }, () => wide.take(1, signal));

for (const waiters of [16, 1000]) {
  Deno.bench(`${waiters} wait, and the limit is lifted`, { group: "token bucket" }, async () => {
    const bucket = new TokenBucket(stopped, 1);
    const takes = Array.from({ length: waiters }, () => bucket.take(1, signal));
    bucket.bytesPerSecond = 0;
    await Promise.all(takes);
  });
}

const CHUNK = new Uint8Array(64 * 1024);
const CHUNKS = 16;

for (const [name, limit] of [["no limit", unlimited], ["a limit that is never reached", wide]] as const) {
  Deno.bench(`1 MiB through a stream, ${name}`, { group: "stream" }, async () => {
    const chunks = ReadableStream.from(Array.from({ length: CHUNKS }, () => CHUNK));
    let length = 0;
    for await (const chunk of chunks.pipeThrough(new RateLimit(limit).transform(signal, () => {}))) {
      length += chunk.length;
    }
    if (length !== CHUNKS * CHUNK.length) throw new Error(`${length} bytes came through`);
  });
}
