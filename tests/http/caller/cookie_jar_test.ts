import assert from "node:assert/strict";
import { test } from "node:test";
import { CookieJar } from "../../../src/http/caller/cookie_jar.ts";
import { parseCookieFile } from "../../../src/options/cookies.ts";

const NOW_MS = Date.UTC(2024, 0, 1);
const HERE = "https://www.example.com/dir/file";

/** What a jar sends to `to`, after a response from `from` has set `fields`. */
function sent(fields: readonly string[], to = HERE, from = HERE, wallMs = NOW_MS): string | undefined {
  const jar = new CookieJar([]);
  jar.store(new URL(from), fields, NOW_MS);
  return jar.fieldFor(new URL(to), wallMs);
}

const PAIRS: Readonly<Record<string, string | undefined>> = {
  "a=1": "a=1",
  "  a = 1  ; Path=/": "a=1",
  "a=b=c==": "a=b=c==",
  "a=": "a=",
  'a="1"': 'a="1"',
  "a=1; HttpOnly; SameSite=Lax; Partitioned; nonsense": "a=1",
  "a=\xc3\xa9": "a=\xc3\xa9",
  "=1": undefined,
  "a": undefined,
  "": undefined,
  ";": undefined,
  "a=1\x01": undefined,
  "a=1\t2": undefined,
  [`a=${"x".repeat(4095)}`]: `a=${"x".repeat(4095)}`,
  [`a=${"x".repeat(4096)}`]: undefined,
  "__Secure-a=1": undefined,
  "__Secure-a=1; Secure": "__Secure-a=1",
  "__Host-a=1; Secure": undefined,
  "__Host-a=1; Secure; Path=/": "__Host-a=1",
  "__Host-a=1; Secure; Path=/; Domain=example.com": undefined,
};

for (const [field, wanted] of Object.entries(PAIRS)) {
  test(`99 Set-Cookie: ${JSON.stringify(field.slice(0, 40))} is ${wanted === undefined ? "ignored" : "kept"}`, () => {
    assert.equal(sent([field]), wanted);
  });
}

/** Where a cookie of `HERE` goes, and where it does not. */
const SCOPES: Readonly<Record<string, Readonly<Record<string, boolean>>>> = {
  "a=1": {
    "https://www.example.com/dir/other": true,
    "https://www.example.com/dir": true,
    "https://www.example.com/dir/": true,
    "http://www.example.com:8080/dir/x": true,
    "https://www.example.com./dir/x": true,
    "https://www.example.com/": false,
    "https://www.example.com/directory": false,
    "https://example.com/dir/x": false,
    "https://a.www.example.com/dir/x": false,
  },
  "a=1; Domain=.Example.COM; Path=/": {
    "https://www.example.com/": true,
    "https://example.com/": true,
    "https://a.b.example.com/": true,
    "https://notexample.com/": false,
    "https://example.com.evil.test/": false,
  },
  "a=1; Domain=; Path=/": { "https://www.example.com/": true, "https://a.www.example.com/": false },
  "a=1; Domain=com; Path=/": { "https://www.example.com/": false, "https://other.com/": false },
  "a=1; Domain=other.com; Path=/": { "https://www.example.com/": false, "https://other.com/": false },
  "a=1; Domain=a.www.example.com": {
    "https://www.example.com/dir/": false,
    "https://a.www.example.com/dir/": false,
  },
  "a=1; Domain=other.com; Domain=example.com; Path=/": { "https://example.com/": true },
  "a=1; Path=/x": { "https://www.example.com/x/y": true, "https://www.example.com/dir/file": false },
  "a=1; Path=x": { "https://www.example.com/dir/file": true, "https://www.example.com/x": false },
  "a=1; Path=/x; Path=/": { "https://www.example.com/": true },
  "a=1; Secure; Path=/": { "https://www.example.com/": true, "http://www.example.com/": false },
};

for (const [field, places] of Object.entries(SCOPES)) {
  test(`99 Set-Cookie: ${field} goes where it belongs and nowhere else`, () => {
    for (const [to, goes] of Object.entries(places)) {
      assert.equal(sent([field], to), goes ? "a=1" : undefined, to);
    }
  });
}

const ADDRESSES: readonly (readonly [from: string, field: string, to: string, goes: boolean])[] = [
  ["http://127.0.0.1/", "a=1", "http://127.0.0.1:81/", true],
  ["http://127.0.0.1/", "a=1; Domain=127.0.0.1", "http://127.0.0.1/", true],
  ["http://127.0.0.1/", "a=1; Domain=0.0.1", "http://127.0.0.1/", false],
  ["http://[::1]/", "a=1; Domain=[::1]", "http://[::1]/", true],
  ["http://[::1]/", "a=1; Domain=::1", "http://[::1]/", false],
  ["http://localhost/", "a=1; Domain=localhost", "http://localhost/", true],
  ["http://localhost/", "a=1; Domain=localhost", "http://a.localhost/", false],
  ["http://a.localhost/", "a=1; Domain=localhost", "http://a.localhost/", false],
];

for (const [from, field, to, goes] of ADDRESSES) {
  test(`99 ${field} from ${from} ${goes ? "goes" : "does not go"} to ${to}`, () => {
    assert.equal(sent([field], to, from), goes ? "a=1" : undefined);
  });
}

test("99 the path of a cookie that names none is that of the URL up to its last slash", () => {
  for (
    const [from, path] of [["/", "/"], ["/a", "/"], ["/a/", "/a"], ["/a/b?c/d", "/a"], [
      "/a/b/",
      "/a/b",
    ]] as const
  ) {
    const field = sent(["a=1"], `https://www.example.com${path}`, `https://www.example.com${from}`);
    assert.equal(field, "a=1", from);
    if (path !== "/") {
      assert.equal(sent(["a=1"], "https://www.example.com/", `https://www.example.com${from}`), undefined);
    }
  }
});

/** Seconds after `NOW_MS` at which a cookie is still sent, and at which it is not any more. */
const TIMES: Readonly<Record<string, readonly [until: number, over: number] | "never" | "always">> = {
  "Max-Age=10": [9.999, 10],
  "Max-Age=0": "never",
  "Max-Age=-1": "never",
  "Max-Age=1e3": "always",
  "Max-Age=": "always",
  "Expires=Mon, 01 Jan 2024 00:00:10 GMT": [9.999, 10],
  "Expires=Monday, 01-Jan-24 00:00:10 GMT": [9.999, 10],
  "Expires=Mon Jan  1 00:00:10 2024": [9.999, 10],
  "Expires=1 January 2024 00:00:10": [9.999, 10],
  "Expires=Thu, 01 Jan 1970 00:00:00 GMT": "never",
  "Expires=Sun, 31-Dec-99 00:00:00 GMT": "never",
  "Expires=Mon, 01 Jan 2024 24:00:10 GMT": "always",
  "Expires=32 Jan 2024 00:00:10": "always",
  "Expires=0": "always",
  "Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=10": [9.999, 10],
  "Max-Age=0; Expires=Fri, 01 Jan 2100 00:00:00 GMT": "never",
  "Max-Age=99999999999999999999": "always",
};

for (const [attribute, times] of Object.entries(TIMES)) {
  test(`99 a cookie with ${attribute} is sent until its time is over`, () => {
    const isSent = (seconds: number) =>
      sent([`a=1; ${attribute}`], HERE, HERE, NOW_MS + seconds * 1000) !== undefined;
    if (times === "never") return assert.equal(isSent(0), false);
    if (times === "always") return assert.equal(isSent(1e9), true);
    assert.deepEqual(times.map(isSent), [true, false]);
  });
}

test("99 a later cookie of the same name, domain and path takes the place of the one before", () => {
  assert.equal(sent(["a=1", "b=2", "a=3"]), "a=3; b=2");
  assert.equal(sent(["a=1", "a=2; Path=/", "a=3; Domain=example.com"]), "a=1; a=3; a=2");
  assert.equal(sent(["a=1", "b=2", "a=gone; Max-Age=0"]), "b=2");
});

test("99 what came over https: is neither replaced nor hidden by what comes over http:", () => {
  const jar = new CookieJar([]);
  jar.store(new URL("https://example.com/"), ["a=good; Secure; Domain=example.com"], NOW_MS);
  jar.store(new URL("http://www.example.com/x/y"), [
    "a=bad",
    "a=bad; Domain=example.com; Path=/",
    "b=1; Secure",
  ], NOW_MS);
  assert.equal(jar.fieldFor(new URL("https://www.example.com/x/y"), NOW_MS), "a=good");
  assert.equal(jar.fieldFor(new URL("http://www.example.com/x/y"), NOW_MS), undefined);
});

const FILE = parseCookieFile(
  ["www.example.com\tFALSE\t/\tFALSE\t0\tid\tfile", ".example.com\tTRUE\t/\tFALSE\t0\tkey\té"].join("\n"),
);

test("99 a server may replace and remove what the caller's file has", () => {
  const jar = new CookieJar(FILE);
  const field = () => jar.fieldFor(new URL(HERE), NOW_MS);
  assert.equal(field(), "id=file; key=\xc3\xa9");
  jar.store(new URL(HERE), ["id=server; Path=/"], NOW_MS);
  assert.equal(field(), "key=\xc3\xa9; id=server");
  jar.store(
    new URL(HERE),
    ["id=; Path=/; Max-Age=0", "key=x; Path=/; Domain=example.com; Max-Age=0"],
    NOW_MS,
  );
  assert.equal(field(), undefined);
});

test("99 a field of the caller's goes before what servers set, and in the place of the file's cookies", () => {
  const jar = new CookieJar(FILE);
  jar.store(new URL(HERE), ["own=server", "more=1"], NOW_MS);
  assert.equal(jar.fieldFor(new URL(HERE), NOW_MS, "own=mine; x=y"), "own=mine; x=y; more=1");
});

test("99 how many cookies are kept and sent is bounded", () => {
  const many = Array.from({ length: 80 }, (_, index) => `c${index}=1`);
  assert.equal(sent(many)?.split("; ").length, 50);
  const jar = new CookieJar(FILE);
  for (let page = 0; page < 20; page++) {
    jar.store(new URL(HERE), many.map((field) => `p${page}${field}`), NOW_MS);
  }
  const names = jar.fieldFor(new URL(HERE), NOW_MS)!.split("; ").map((pair) => pair.split("=")[0]!);
  assert.equal(names.length, 302);
  assert.deepEqual([names[0], names.at(-1)], ["p14c0", "key"]);
  const long = new CookieJar([]);
  long.store(
    new URL(HERE),
    Array.from({ length: 50 }, (_, index) => `c${index}=${"x".repeat(4000)}`),
    NOW_MS,
  );
  assert.equal(long.fieldFor(new URL(HERE), NOW_MS)?.split("; ").length, 4);
});
