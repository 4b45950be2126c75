import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { DownloadError } from "../../src/errors.ts";
import type { Target } from "../../src/http/fields/location.ts";
import { getFollowing } from "../../src/http/redirect.ts";
import type { HttpClient, HttpResponse } from "../../src/runtime/runtime.ts";
import { callerWith } from "../helpers/caller.ts";

const A = "https://a.example";
const B = "https://b.example";

interface Sent {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Answers with what `answer` gives for a URL, and records what was asked. */
class FakeClient implements HttpClient {
  readonly sent: Sent[] = [];
  readonly #answer: (url: string) => Response;

  constructor(answer: (url: string) => Response) {
    this.#answer = answer;
  }

  get(url: string, { headers }: { readonly headers: Headers }): Promise<Response> {
    this.sent.push({ url, headers: Object.fromEntries(headers) });
    return Promise.resolve(this.#answer(url));
  }

  close(): void {}
}

/** Redirects along `steps`, a URL and the Location it answers with; everything else is a 200. */
function clientOf(steps: Readonly<Record<string, string>>, status = 302): FakeClient {
  return new FakeClient((url) => {
    const location = steps[url];
    return location === undefined
      ? new Response("ok")
      : new Response(null, { status, headers: { location } });
  });
}

function follow(
  client: HttpClient,
  url: string,
  isTrusted = true,
  allowDowngrade = false,
): Promise<{ response: HttpResponse; target: Target }> {
  return getFollowing(client, {
    target: { url, isTrusted },
    ownHeaders: new Headers({ "range": "bytes=0-9", "accept-encoding": "identity" }),
    caller: callerWith(
      new Headers({
        "authorization": "Bearer secret",
        "cookie": "c=secret",
        "x-api-key": "secret",
      }),
    ),
    allowDowngrade,
    wallMs: 0,
    signal: new AbortController().signal,
  });
}

async function refused(result: Promise<unknown>, ...parts: readonly string[]): Promise<void> {
  await assert.rejects(result, (error: unknown) => {
    assert.ok(error instanceof DownloadError);
    assert.deepEqual([error.code, error.retryable], ["redirect", false]);
    assert.match(error.message, /^Cannot fetch the file: /);
    for (const part of parts) assert.ok(error.message.includes(part), error.message);
    assert.ok(!inspect({ message: error.message, cause: error.cause }).includes("secret"));
    return true;
  });
}

test("a response that is no redirect comes back with where it came from", async () => {
  const client = clientOf({});
  const { response, target } = await follow(client, `${A}/file`);
  assert.equal(await new Response(response.body).text(), "ok");
  assert.deepEqual(target, { url: `${A}/file`, isTrusted: true });
});

test("every kind of redirect is followed by another GET of the same", async () => {
  for (const status of [301, 302, 303, 307, 308]) {
    const client = clientOf({ [`${A}/file`]: "/other" }, status);
    const { target } = await follow(client, `${A}/file`);
    assert.deepEqual(target, { url: `${A}/other`, isTrusted: true });
    assert.deepEqual(client.sent[1]?.headers, client.sent[0]?.headers);
    assert.equal(client.sent[1]?.headers["range"], "bytes=0-9");
  }
});

test("a Location makes a redirect of the other statuses of that class, but of 304", async () => {
  for (const status of [300, 304, 305, 306]) {
    const client = clientOf({ [`${A}/file`]: "/other" }, status);
    const { response, target } = await follow(client, `${A}/file`);
    const wanted = status === 304 ? [304, `${A}/file`, 1] : [200, `${A}/other`, 2];
    assert.deepEqual([response.status, target.url, client.sent.length], wanted);
  }
});

test("a Location is read against the URL that sent it, and loses its fragment", async () => {
  for (
    const [location, wanted] of [
      ["d", `${A}/b/d`],
      ["../d?e=f#g", `${A}/d?e=f`],
      ["//b.example/d", `${B}/d`],
      ["?q", `${A}/b/c?q`],
      ["HTTPS://A.example:443/d", `${A}/d`],
    ] as const
  ) {
    const { target } = await follow(clientOf({ [`${A}/b/c`]: location }), `${A}/b/c`);
    assert.equal(target.url, wanted);
  }
});

test("75: nothing of the caller's goes to another origin", async () => {
  const origins = [B, "https://a.example:8443", "https://sub.a.example", "https://a.example.evil.example"];
  for (const origin of origins) {
    const client = clientOf({ [`${A}/file`]: `${origin}/file` });
    const { target } = await follow(client, `${A}/file`);
    assert.deepEqual(target, { url: `${origin}/file`, isTrusted: false });
    assert.deepEqual(client.sent[1]?.headers, { "range": "bytes=0-9", "accept-encoding": "identity" });
  }
  const upgraded = clientOf({ "http://a.example/file": `${A}/file` });
  assert.equal((await follow(upgraded, "http://a.example/file")).target.isTrusted, false);
});

test("75: what was dropped does not come back on return to the first origin", async () => {
  const client = clientOf({ [`${A}/1`]: `${B}/2`, [`${B}/2`]: `${A}/3`, [`${A}/3`]: `${A}/4` });
  const { target } = await follow(client, `${A}/1`);
  assert.deepEqual(target, { url: `${A}/4`, isTrusted: false });
  assert.deepEqual(client.sent.map(({ headers }) => "x-api-key" in headers), [true, false, false, false]);
});

test("75: a target that is not trusted any more stays so", async () => {
  const client = clientOf({ [`${B}/1`]: `${B}/2` });
  const { target } = await follow(client, `${B}/1`, false);
  assert.equal(target.isTrusted, false);
  assert.ok(client.sent.every(({ headers }) => !("authorization" in headers) && !("cookie" in headers)));
});

test("75: userinfo in a Location is not taken up", async () => {
  const client = clientOf({ [`${A}/file`]: "https://user:pw@a.example/other" });
  assert.equal((await follow(client, `${A}/file`)).target.url, `${A}/other`);
});

test("the caller's fields go before those that every request gets", async () => {
  const client = clientOf({});
  await getFollowing(client, {
    target: { url: A, isTrusted: true },
    ownHeaders: new Headers({ "range": "bytes=0-9", "user-agent": "bytehaul" }),
    caller: callerWith(new Headers({ "user-agent": "me", "x-a": "b" })),
    allowDowngrade: false,
    wallMs: 0,
    signal: new AbortController().signal,
  });
  assert.deepEqual(client.sent[0]?.headers, { "range": "bytes=0-9", "user-agent": "me", "x-a": "b" });
});

test("74: ten redirects are followed and no more", async () => {
  const chain = (length: number) =>
    Object.fromEntries(Array.from({ length }, (_, step) => [`${A}/${step}`, `${A}/${step + 1}`]));
  const client = clientOf(chain(10));
  assert.equal((await follow(client, `${A}/0`)).target.url, `${A}/10`);
  const longer = clientOf(chain(11));
  await refused(follow(longer, `${A}/0`), "more than 10 times");
  assert.equal(longer.sent.length, 11);
});

test("74: a loop comes to an end", async () => {
  await refused(
    follow(clientOf({ [`${A}/1`]: `${A}/2`, [`${A}/2`]: `${A}/1` }), `${A}/1`),
    "more than 10 times",
  );
  await refused(follow(clientOf({ [`${A}/1`]: "" }), `${A}/1`), "more than 10 times");
});

test("74: a redirect without a Location is refused", async () => {
  const client = new FakeClient(() => new Response(null, { status: 301 }));
  await refused(follow(client, `${A}/file`), "301", "without a Location");
});

test("74: a Location that is no URL is refused", async () => {
  await refused(follow(clientOf({ [`${A}/file`]: "https://[secret/" }), `${A}/file`), "does not parse");
});

test("74: a redirect to anything but http and https is refused", async () => {
  for (const scheme of ["file", "ftp", "data", "blob", "javascript"]) {
    const client = clientOf({ [`${A}/file`]: `${scheme}:///etc/secret` });
    await refused(follow(client, `${A}/file`), `"${scheme}:"`, "only http: and https:");
    assert.equal(client.sent.length, 1);
  }
});

test("76: a redirect from https to http is refused", async () => {
  const client = clientOf({ [`${A}/file`]: "http://a.example/file" });
  await refused(follow(client, `${A}/file`), "from https: to http:");
  assert.equal(client.sent.length, 1);
  const later = clientOf({ "http://a.example/1": `${B}/2`, [`${B}/2`]: "http://b.example/3" });
  await refused(follow(later, "http://a.example/1"), "from https: to http:");
});

test("76: a redirect from https to http is followed when allowed, and told nothing of the caller's", async () => {
  const client = clientOf({ [`${A}/file`]: "http://a.example/file" });
  const { target } = await follow(client, `${A}/file`, true, true);
  assert.deepEqual(target, { url: "http://a.example/file", isTrusted: false, isDowngraded: true });
  assert.deepEqual(client.sent[1]?.headers, { "range": "bytes=0-9", "accept-encoding": "identity" });
});

test("99: each step gets the cookies of its host and path, whatever lay between", async () => {
  const cookie = { value: "1", includesSubdomains: true, isSecure: true, expiresMs: 2000 };
  const cookies = [
    { ...cookie, name: "all", domain: "a.example", path: "/" },
    { ...cookie, name: "there", domain: "a.example", path: "/there" },
    { ...cookie, name: "old", domain: "a.example", path: "/", expiresMs: 1000 },
    { ...cookie, name: "other", domain: "b.example", path: "/" },
    { ...cookie, name: "elsewhere", domain: "c.example", path: "/" },
  ];
  const client = clientOf({
    [`${A}/file`]: "/there",
    [`${A}/there`]: `${B}/there`,
    [`${B}/there`]: `${A}/there/2`,
  });
  await getFollowing(client, {
    target: { url: `${A}/file`, isTrusted: true },
    ownHeaders: new Headers(),
    caller: callerWith(new Headers(), { cookies }),
    allowDowngrade: false,
    wallMs: 1500,
    signal: new AbortController().signal,
  });
  const sent = client.sent.map(({ headers }) => headers["cookie"]);
  assert.deepEqual(sent, ["all=1", "there=1; all=1", "other=1", "there=1; all=1"]);
});

test("the body of a redirect is released", async () => {
  let cancels = 0;
  const client = new FakeClient((url) => {
    if (url !== `${A}/file`) return new Response("ok");
    const body = new ReadableStream({ cancel: () => void cancels++ });
    return new Response(body, { status: 302, headers: { location: "/other" } });
  });
  await follow(client, `${A}/file`);
  assert.equal(cancels, 1);
});

test("a refused redirect releases its body, too", async () => {
  let cancels = 0;
  const client = new FakeClient(() =>
    new Response(new ReadableStream({ cancel: () => void cancels++ }), { status: 302 })
  );
  await refused(follow(client, `${A}/file`));
  assert.equal(cancels, 1);
});
