import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProxyOptions } from "../../src/options/network_options.ts";
import type { Proxies } from "../../src/options/resolved_options.ts";
import {
  chooseProxy,
  joinProxies,
  NO_PROXIES,
  parseProxies,
  parseProxy,
  proxiesFrom,
} from "../../src/options/proxy.ts";

/** A proxy on one line. */
function show(text: string): string {
  const { protocol, host, port, username, password } = parseProxy(text);
  const user = username + password === "" ? "" : ` user ${username} password ${password}`;
  return `${protocol} ${host} ${port}${user}`;
}

const PROXIES: Readonly<Record<string, string>> = {
  "http://proxy.example:8080": "http proxy.example 8080",
  "http://proxy.example:8080/": "http proxy.example 8080",
  "proxy.example:3128": "http proxy.example 3128",
  "proxy.example": "http proxy.example 1080",
  "http://proxy.example": "http proxy.example 1080",
  "http://proxy.example:80": "http proxy.example 80",
  "http://proxy.example:443": "http proxy.example 443",
  "https://proxy.example": "https proxy.example 443",
  "https://proxy.example:443": "https proxy.example 443",
  "https://proxy.example:80": "https proxy.example 80",
  "socks5://proxy.example": "socks5 proxy.example 1080",
  "socks5h://proxy.example:80": "socks5h proxy.example 80",
  "socks://127.0.0.1:9050": "socks5 127.0.0.1 9050",
  "SOCKS5H://Proxy.Example": "socks5h proxy.example 1080",
  "http://[::1]:8080": "http ::1 8080",
  "[::1]:8080": "http ::1 8080",
  "127.0.0.1": "http 127.0.0.1 1080",
  "localhost:1": "http localhost 1",
  "http://user:secret@proxy.example:8080": "http proxy.example 8080 user user password secret",
  "user:secret@proxy.example": "http proxy.example 1080 user user password secret",
  "socks5://user@proxy.example": "socks5 proxy.example 1080 user user password ",
  "http://:secret@proxy.example": "http proxy.example 1080 user  password secret",
  "http://us%40er:p%3A%2F%25@proxy.example": "http proxy.example 1080 user us@er password p:/%",
  "http://user:p@ss@proxy.example": "http proxy.example 1080 user user password p@ss",
  "http://user:b%C3%BC@proxy.example": "http proxy.example 1080 user user password bü",
};

for (const [text, wanted] of Object.entries(PROXIES)) {
  test(`parseProxy() takes ${text} as ${wanted}`, () => assert.equal(show(text), wanted));
}

const REFUSED: Readonly<Record<string, readonly [shown: string, reason: RegExp]>> = {
  "": ["", /^expected a host/],
  "http://": ["http://", /^expected a host/],
  "http://:8080": ["http://:8080", /^expected a host/],
  "http://user:secret@": ["http://***@", /^expected a host/],
  "http://user:secret@:8080": ["http://***@:8080", /^expected a host/],
  "http://user:secret@proxy.example:99999": ["http://***@proxy.example:99999", /^expected a host/],
  "http://proxy.example:0": ["http://proxy.example:0", /^expected a host/],
  "http://proxy.example:x": ["http://proxy.example:x", /^expected a host/],
  "user:12/secret@proxy.example": ["***@proxy.example", /^nothing may follow/],
  "http://proxy.example/path": ["http://proxy.example/path", /^nothing may follow/],
  "http://proxy.example?secret": ["http://proxy.example", /^nothing may follow/],
  "http://user:sec%ret@proxy.example": ["http://***@proxy.example", /percent-encoded/],
  "ftp://user:secret@proxy.example": [
    "ftp://***@proxy.example",
    /^there is no kind of proxy "ftp"; use http/,
  ],
  "constructor://proxy.example": ["constructor://proxy.example", /^there is no kind of proxy "constructor"/],
  "socks4://proxy.example": ["socks4://proxy.example", /^SOCKS4 .* is not supported; use socks5/],
  "SOCKS4a://user:secret@proxy.example": ["SOCKS4a://***@proxy.example", /^SOCKS4 .* is not supported/],
};

for (const [text, [shown, reason]] of Object.entries(REFUSED)) {
  test(`parseProxy() refuses "${text}" and shows no secret`, () => {
    assert.throws(() => parseProxy(text), (error) => {
      assert.ok(error instanceof TypeError);
      const start = `Cannot use the proxy "${shown}": `;
      assert.ok(error.message.startsWith(start), error.message);
      assert.ok(reason.test(error.message.slice(start.length)), error.message);
      assert.ok(!/secret|sec%ret/.test(error.message));
      return true;
    });
  });
}

/** The host of the proxy for `url`, or "direct". */
function choose(url: string, ...levels: ProxyOptions[]): string {
  return chooseProxy(new URL(url), joinProxies(...levels.map((level) => parseProxies(level))))?.host ??
    "direct";
}

const HTTP = "http://example.com/";
const HTTPS = "https://example.com/";

test("the more specific proxy goes before the one for all", () => {
  const level = { allProxy: "all.test", httpProxy: "http.test", httpsProxy: "https.test" };
  assert.deepEqual([choose(HTTP, level), choose(HTTPS, level)], ["http.test", "https.test"]);
  const { httpProxy: _, ...rest } = level;
  assert.deepEqual([choose(HTTP, rest), choose(HTTPS, rest)], ["all.test", "https.test"]);
  const httpOnly = { httpProxy: "http.test" };
  assert.deepEqual([choose(HTTP, httpOnly), choose(HTTPS, httpOnly)], ["http.test", "direct"]);
  assert.deepEqual([choose(HTTP), choose(HTTPS, {})], ["direct", "direct"]);
});

test("the first level that names a proxy decides alone", () => {
  const environment = { httpProxy: "env.test", httpsProxy: "env.test", noProxy: "example.com" };
  assert.equal(choose("http://other.test/", {}, {}, environment), "env.test");
  assert.equal(choose(HTTP, {}, {}, environment), "direct");
  assert.equal(choose(HTTP, {}, { allProxy: "downloader.test" }, environment), "downloader.test");
  assert.equal(
    choose(HTTP, { allProxy: "spec.test" }, { httpProxy: "downloader.test" }, environment),
    "spec.test",
  );
  assert.equal(choose(HTTPS, { httpProxy: "spec.test" }, {}, environment), "direct");
});

test("a level without a proxy can make exceptions to those below, and unmake them", () => {
  const below = { allProxy: "env.test", noProxy: "example.com" };
  assert.equal(choose(HTTP, { noProxy: "other.test" }, below), "env.test");
  assert.equal(choose("http://other.test/", { noProxy: "other.test" }, below), "direct");
  assert.equal(choose(HTTP, { noProxy: "" }, below), "env.test");
  assert.equal(choose(HTTP, { noProxy: "example.com" }, { allProxy: "all.test" }), "direct");
});

test("`proxy: false` uses none, whatever the levels below say", () => {
  assert.equal(choose(HTTP, { proxy: false }, { allProxy: "all.test" }), "direct");
  assert.equal(choose(HTTP, { proxy: false, allProxy: "all.test" }), "direct");
  assert.equal(choose(HTTP, { allProxy: "spec.test" }, { proxy: false }), "spec.test");
});

test("without a proxy on any level there are no rules", () => {
  assert.equal(joinProxies(), undefined);
  assert.equal(joinProxies(NO_PROXIES, parseProxies({ noProxy: "example.com" })), undefined);
});

const WRONG: readonly (readonly [level: unknown, message: RegExp])[] = [
  [
    { proxy: "http://user:secret@proxy.example" },
    /^Cannot use proxy "string": expected false; allProxy names a proxy$/,
  ],
  [{ proxy: true }, /^Cannot use proxy "boolean": expected false/],
  [{ allProxy: "" }, /^Cannot use allProxy "": it is empty/],
  [{ httpProxy: 8080 }, /^Cannot use httpProxy 8080: expected a string$/],
  [{ httpsProxy: false }, /^Cannot use httpsProxy false: expected a string$/],
  [{ noProxy: ["a.test"] }, /^Cannot use noProxy \[a list\]: expected a string$/],
  [
    { allProxy: "socks4://proxy.example", httpProxy: "a.test", httpsProxy: "a.test" },
    /^Cannot use the proxy "socks4:/,
  ],
];

for (const [level, message] of WRONG) {
  test(`parseProxies() refuses ${JSON.stringify(level)}`, () => {
    assert.throws(() => parseProxies(level as ProxyOptions), { name: "TypeError", message });
  });
}

test("what a spec says is put in place of its defaults, one by one", () => {
  const defaults = parseProxies({ allProxy: "all.test", httpProxy: "http.test", noProxy: "a.test" });
  const own = parseProxies({ httpProxy: "own.test" }, defaults);
  assert.deepEqual(own, { ...defaults, http: parseProxy("own.test") });
  assert.equal(parseProxies({ proxy: false }, defaults).isOff, true);
  assert.equal(parseProxies({ noProxy: "" }, defaults).noProxy, "");
});

/** The environment with these variables, each proxy as its host. */
function environment(variables: Readonly<Record<string, string>>): Record<string, unknown> {
  const { isOff, noProxy, ...proxies }: Proxies = proxiesFrom((name) => variables[name]);
  assert.equal(isOff, false);
  const named = Object.entries({ noProxy, ...proxies }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    named.map(([name, value]) => [name, typeof value === "object" && "host" in value ? value.host : value]),
  );
}

test("the environment is read in both cases, lower case first, and empty is not set", () => {
  assert.deepEqual(
    environment({ HTTP_PROXY: "a", HTTPS_PROXY: "b", ALL_PROXY: "c", NO_PROXY: "d" }),
    { http: "a", https: "b", all: "c", noProxy: "d" },
  );
  assert.deepEqual(
    environment({
      http_proxy: "a",
      https_proxy: "b",
      HTTPS_PROXY: "B",
      all_proxy: "",
      ALL_PROXY: "C",
      no_proxy: "",
    }),
    { http: "a", https: "b", all: "c" },
  );
});

test("a proxy of the environment that cannot be used says why, and hides its password", () => {
  const { http } = environment({ http_proxy: "socks4://user:secret@a.test" });
  const { problem } = http as { problem: string };
  assert.ok(problem.startsWith('Cannot use the proxy "socks4://***@a.test": SOCKS4 has no'), problem);
});

test("in a CGI program HTTP_PROXY is not believed", () => {
  assert.equal(environment({ REQUEST_METHOD: "GET", HTTP_PROXY: "evil.test" }).http, undefined);
  assert.equal(environment({ REQUEST_METHOD: "GET", HTTP_PROXY: "evil.test", http_proxy: "a" }).http, "a");
  assert.equal(environment({ REQUEST_METHOD: "GET", HTTPS_PROXY: "b" }).https, "b");
});
