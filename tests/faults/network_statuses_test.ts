import assert from "node:assert/strict";
import { test } from "node:test";
import { HttpStatusError } from "../../mod.ts";
import type { RecordedRequest } from "../../testing/mod.ts";
import { KEPT, Scene } from "../helpers/scenes/scene.ts";
import { FILE, REACHED, SHORT, SIZE } from "./half_way.ts";

for (const status of [408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524]) {
  const row = status === 429 || status === 503 ? 34 : 35;

  test(`${row} status ${status}, in the first and in a later response: tried again`, async () => {
    // An error of its own may come from the range, so that the whole file is asked for at once.
    const firstTry = status === 500 ? [0, undefined] : [0];
    const replies = [...firstTry.map(() => ({ status })), SHORT, { status }, { status }];
    await using scene = await Scene.open({ ...FILE, respond: ({ index }) => replies[index] });
    const result = await scene.complete({ maxRetries: 3 });
    assert.equal(result.fetchedBytes, SIZE);
    assert.deepEqual(scene.starts(), [...firstTry, 0, REACHED, REACHED, REACHED]);
  });

  test(`${row} status ${status} to everything: given up after the last try`, async () => {
    await using scene = await Scene.open({ ...FILE, respond: () => ({ status }) });
    const { error } = await scene.fail("http_status", { maxRetries: 2 });
    assert.ok(error instanceof HttpStatusError);
    assert.deepEqual([error.status, error.retryable], [status, true]);
    // The last one, without a delay, is for the whole file; where it is an error of its own the second one is.
    assert.deepEqual(scene.starts(), status === 500 ? [0, undefined, 0, 0] : [0, 0, 0, undefined]);
    await scene.assertLeft([]);
    scene.respond = () => undefined;
    await scene.complete();
  });
}

for (const status of [400, 401, 403, 404, 407, 410, 451, 501, 505]) {
  /** What may come from the range leads to one request for the whole file. */
  const plainly = [401, 407, 410, 451].includes(status) ? [] : [undefined];

  test(`35 status ${status} is final in the first response: no second try of the same`, async () => {
    await using scene = await Scene.open({ ...FILE, respond: () => ({ status }) });
    const { error } = await scene.fail("http_status", { retryBaseDelayMs: 60_000 });
    assert.ok(error instanceof HttpStatusError);
    assert.deepEqual([error.status, error.retryable], [status, false]);
    assert.deepEqual(scene.starts(), [0, ...plainly]);
    await scene.assertLeft([]);
  });

  test(`35 status ${status} is final: no second try, progress kept`, async () => {
    await using scene = await Scene.open({
      ...FILE,
      respond: ({ index }) => index === 0 ? SHORT : { status },
    });
    const { error } = await scene.fail("http_status");
    assert.ok(error instanceof HttpStatusError);
    assert.deepEqual([error.status, error.retryable], [status, false]);
    assert.deepEqual(scene.starts(), [0, REACHED, ...plainly]);
    await scene.assertLeft(KEPT);
    scene.respond = () => undefined;
    assert.equal((await scene.complete()).resumedBytes, REACHED);
  });
}

for (const status of [403, 409, 423, 507, 509, 520, 525, 527, 530, 598]) {
  test(`101 status ${status} with Retry-After, in the first and in a later response: it passes`, async () => {
    const passing = { status, headers: { "Retry-After": "0" } };
    await using scene = await Scene.open({
      ...FILE,
      respond: ({ index }) => [passing, SHORT, passing, passing][index],
    });
    const result = await scene.complete({ maxRetries: 3 });
    assert.equal(result.fetchedBytes, SIZE);
    assert.deepEqual(scene.starts(), [0, 0, REACHED, REACHED, REACHED]);
  });
}

test("101 status 403 with Retry-After: asked again no sooner", async () => {
  const passing = { status: 403, headers: { "Retry-After": "1" } };
  await using scene = await Scene.open({
    ...FILE,
    respond: ({ index }) => index === 0 ? passing : undefined,
  });
  await scene.complete();
  const [refused, next] = scene.server.requests;
  const quietMs = next!.receivedAtMs - refused!.receivedAtMs;
  assert.ok(quietMs >= 990, `asked again after ${quietMs} ms`);
});

test("101 status 403 with Retry-After from where a redirect led", async () => {
  let refusals = 2;
  await using scene = await Scene.open({
    ...FILE,
    respond: ({ path }) => {
      if (path === "/file.bin") return { status: 302, headers: { Location: "/stored" } };
      return refusals-- > 0 ? { status: 403, headers: { "Retry-After": "0" } } : undefined;
    },
  });
  await scene.complete();
});

test("101 status 530 with Retry-After to everything: given up after the last try", async () => {
  await using scene = await Scene.open({
    ...FILE,
    respond: () => ({ status: 530, headers: { "Retry-After": "0" } }),
  });
  const { error } = await scene.fail("http_status", { maxRetries: 2 });
  assert.equal(error.retryable, true);
  assert.deepEqual(scene.starts(), [0, 0, 0, undefined]);
});

for (
  const [status, retryAfter] of [
    ...([403, 509, 530].flatMap((status) => [[status, undefined], [status, "rubbish"]] as const)),
    ...([401, 410, 501].map((status) => [status, "0"] as const)),
  ]
) {
  const shown = retryAfter === undefined ? "without Retry-After" : `with the Retry-After ${retryAfter}`;

  test(`101 status ${status} ${shown} is final`, async () => {
    await using scene = await Scene.open({
      ...FILE,
      respond: () => ({ status, headers: { "Retry-After": retryAfter } }),
    });
    const { error } = await scene.fail("http_status");
    assert.equal(error.retryable, false);
    assert.deepEqual(scene.starts(), status === 401 || status === 410 ? [0] : [0, undefined]);
  });
}

for (const status of [429, 503]) {
  test(`34 ${status} with Retry-After: every connection is quiet until then`, async () => {
    const quiet = { status, headers: { "Retry-After": "1" } };
    await using scene = await Scene.open({
      size: 2_500_000,
      respond: ({ index }) => index === 1 ? quiet : { throttle: 4_000_000 },
    });
    await scene.complete({ maxConnections: 2 });
    const [, refused, next] = scene.server.requests;
    const quietMs = next!.receivedAtMs - refused!.receivedAtMs;
    assert.ok(quietMs >= 990, `asked again after ${quietMs} ms`);
  });

  test(`34 ${status} to more than two connections: settles at two`, async () => {
    const served: RecordedRequest[] = [];
    const isActive = ({ range, bodyBytes }: RecordedRequest) => bodyBytes < range!.end - range!.start;
    await using scene = await Scene.open({
      size: 4_000_000,
      respond: (request) => {
        if (served.filter(isActive).length >= 2) return { status };
        served.push(request);
        return { throttle: 4_000_000 };
      },
    });
    const result = await scene.complete({ maxConnections: 4, pieceSize: 250_000 });
    assert.equal(result.fetchedBytes, 4_000_000);
    const refused = scene.server.requests.filter((request) => request.status === status);
    assert.equal(refused.length, 2);
  });
}

for (
  const [status, retryAfter] of [[416, "5"], [405, "5"], [501, "5"], [509, undefined], [
    530,
    undefined,
  ]] as const
) {
  const shown = retryAfter === undefined ? "" : ` with Retry-After`;

  test(`90 status ${status}${shown} to any range: the whole file is asked for, without a delay`, async () => {
    await using scene = await Scene.open({
      ...FILE,
      respond: ({ headers }) =>
        "range" in headers ? { status, headers: { "Retry-After": retryAfter } } : undefined,
    });
    await scene.complete({ retryBaseDelayMs: 60_000 });
    assert.deepEqual(scene.starts(), [0, undefined]);
  });
}
