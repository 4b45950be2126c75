import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { Downloader, type DownloadSpec } from "../../mod.ts";
import { CookieJar } from "../../src/http/caller/cookie_jar.ts";
import { parseCookieFile } from "../../src/options/cookies.ts";
import { assertFileIs } from "../../testing/content.ts";
import { FaultServer, type FaultServerOptions, type RecordedRequest } from "../../testing/mod.ts";
import { temporaryDirectory } from "../helpers/temp.ts";

const NOW_MS = Date.UTC(2024, 0, 1);
const NOW_SECONDS = NOW_MS / 1000;

/** A line of a cookie file; what is not said is the least that works. */
function line(
  {
    domain = "example.com",
    subdomains = "FALSE",
    path = "/",
    secure = "FALSE",
    expires = "0",
    name = "id",
    value = "1",
  } = {},
): string {
  return [domain, subdomains, path, secure, expires, name, value].join("\t");
}

/** The field that a file of `lines` gives for a URL. */
function fieldFor(url: string, ...lines: readonly string[]): string | undefined {
  return new CookieJar(parseCookieFile(lines.join("\n"))).fieldFor(new URL(url), NOW_MS);
}

test("a line is taken apart", () => {
  assert.deepEqual(
    parseCookieFile(
      line({
        ...{ domain: ".Example.COM", subdomains: "TRUE", path: "/a", secure: "TRUE", expires: "1704067200" },
        ...{ name: "Name", value: 'a=b "c"' },
      }),
    ),
    [{
      ...{ name: "Name", value: 'a=b "c"', domain: "example.com", includesSubdomains: true, path: "/a" },
      ...{ isSecure: true, expiresMs: 1_704_067_200_000 },
    }],
  );
});

test("comments and empty lines are passed over, in files of either kind of line break", () => {
  const lines = [
    "# Netscape HTTP Cookie File",
    "",
    "  ",
    "#a\tb",
    line(),
    "#HttpOnly",
    line({ name: "b" }),
    "",
  ];
  for (const end of ["\n", "\r\n"]) {
    assert.deepEqual(parseCookieFile(lines.join(end)).map(({ name, value }) => name + value), ["id1", "b1"]);
  }
  assert.deepEqual(parseCookieFile(""), []);
  assert.deepEqual(parseCookieFile(undefined), []);
});

test("a cookie that scripts must not read is one like others", () => {
  const text = `#HttpOnly_${line({ domain: ".example.com" })}`;
  assert.deepEqual(parseCookieFile(text), parseCookieFile(line()));
});

test("a cookie without a value is one", () => {
  assert.equal(fieldFor("http://example.com/", line({ value: "" })), "id=");
  assert.equal(fieldFor("http://example.com/", line().slice(0, -2)), "id=");
});

const MALFORMED: Readonly<Record<string, string>> = {
  "spaces in place of tabs": line({ value: "s3cret" }).replaceAll("\t", " "),
  "too few fields": "example.com\tFALSE\t/\tFALSE\ts3cret",
  "too many fields": `${line()}\ts3cret`,
  "no domain": line({ domain: "", value: "s3cret" }),
  "no name": line({ name: "", value: "s3cret" }),
  "a path that is none": line({ path: "s3cret" }),
  "a flag that is none": line({ subdomains: "yes", value: "s3cret" }),
  "another flag that is none": line({ secure: "1", value: "s3cret" }),
  "a time that is none": line({ expires: "tomorrow", value: "s3cret" }),
  "a time before time": line({ expires: "-1", value: "s3cret" }),
  "a second cookie in the value": line({ value: "1; s3cret=2" }),
  "a control character": line({ value: "s3cret\x01" }),
  "JSON": '[{"name": "id", "value": "s3cret"}]',
};

for (const [what, text] of Object.entries(MALFORMED)) {
  test(`a line with ${what} is told by its number, and not by what it holds`, () => {
    assert.throws(() => parseCookieFile(["# first", line(), text, line()].join("\n")), (error) => {
      assert.ok(error instanceof TypeError);
      assert.match(error.message, /^Cannot use cookies: line 3 is not of the Netscape format; /);
      assert.doesNotMatch(inspect(error, { showHidden: true }), /s3cret/);
      return true;
    });
  });
}

test("what is no text is no cookie file", () => {
  for (const value of [null, 7, ["s3cret"], { id: "s3cret" }]) {
    assert.throws(() => parseCookieFile(value), (error) => {
      assert.ok(error instanceof TypeError);
      assert.equal(error.message, "Cannot use cookies: expected the text of a cookie file");
      return true;
    });
  }
});

/** Lines, and for each URL whether their cookie goes there. */
const PLACES: Readonly<Record<string, readonly [line: string, Readonly<Record<string, boolean>>]>> = {
  "a host": [line(), {
    "http://example.com/": true,
    "https://EXAMPLE.com:8443/a/b?c": true,
    "http://example.com./": true,
    "http://www.example.com/": false,
    "http://example.org/": false,
    "http://com/": false,
  }],
  "a domain": [line({ domain: ".example.com", subdomains: "TRUE" }), {
    "http://example.com/": true,
    "http://www.example.com/": true,
    "http://a.b.example.com/": true,
    "http://badexample.com/": false,
    "http://example.com.evil.org/": false,
  }],
  "a domain written without its dot": [line({ subdomains: "TRUE" }), { "http://www.example.com/": true }],
  "a dot, and no subdomains": [line({ domain: ".example.com" }), {
    "http://example.com/": true,
    "http://www.example.com/": false,
  }],
  "an address": [line({ domain: "127.0.0.1" }), { "http://127.0.0.1:81/": true, "http://127.0.0.2/": false }],
  "a path": [line({ path: "/a" }), {
    "http://example.com/a": true,
    "http://example.com/a?b": true,
    "http://example.com/a/b": true,
    "http://example.com/ab": false,
    "http://example.com/": false,
    "http://example.com/A": false,
  }],
  "a path with a slash behind it": [line({ path: "/a/" }), {
    "http://example.com/a/": true,
    "http://example.com/a/b": true,
    "http://example.com/a": false,
  }],
  "https": [line({ secure: "TRUE" }), { "https://example.com/": true, "http://example.com/": false }],
  "a time to come": [line({ expires: `${NOW_SECONDS + 1}` }), { "http://example.com/": true }],
  "a time gone by": [line({ expires: `${NOW_SECONDS - 1}` }), { "http://example.com/": false }],
  "this very moment": [line({ expires: `${NOW_SECONDS}` }), { "http://example.com/": false }],
  "a fraction of a second": [line({ expires: `${NOW_SECONDS}.25` }), { "http://example.com/": true }],
  "no time, as 0": [line({ expires: "0" }), { "http://example.com/": true }],
  "no time, as nothing": [line({ expires: "" }), { "http://example.com/": true }],
};

for (const [what, [text, places]] of Object.entries(PLACES)) {
  test(`a cookie for ${what} goes there and nowhere else`, () => {
    for (const [url, goes] of Object.entries(places)) {
      assert.equal(fieldFor(url, text), goes ? "id=1" : undefined, url);
    }
  });
}

test("the longest path comes first, and those of one length stay in their order", () => {
  const lines = [
    line({ name: "root" }),
    line({ name: "long", path: "/a/b" }),
    line({ name: "other", path: "/c" }),
    line({ name: "middle", path: "/a" }),
    line({ name: "root2" }),
  ];
  assert.equal(fieldFor("http://example.com/a/b/c", ...lines), "long=1; middle=1; root=1; root2=1");
});

test("what is not ASCII is sent in UTF-8, byte by byte", () => {
  const field = fieldFor("http://example.com/", line({ name: "name", value: "é€" }));
  assert.equal(field, "name=\xc3\xa9\xe2\x82\xac");
  assert.equal(new Headers({ cookie: field }).get("cookie"), field);
});

const SIZE = 1_200_000;

/** Downloads from a server, and returns the requests that it got. */
async function requestsOf(
  spec: (url: string) => Partial<DownloadSpec>,
  respond: FaultServerOptions["respond"] = () => undefined,
): Promise<readonly RecordedRequest[]> {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: SIZE, seed: 8, respond });
  await using downloader = new Downloader();
  const outputPath = dir.join("out.bin");
  const { url } = server;
  await downloader.download({ maxConnections: 2, minSplitSize: 0, url, outputPath, ...spec(url) }).wait();
  await assertFileIs(outputPath, 8, SIZE);
  return server.requests;
}

test("the cookies that fit go with every request, those of the path it asks for", async () => {
  const cookies = [
    line({ domain: "127.0.0.1", name: "here" }),
    line({ domain: "127.0.0.1", name: "there", path: "/there", value: "é" }),
    line({ domain: "127.0.0.1", name: "secure", secure: "TRUE" }),
    line({ domain: "127.0.0.1", name: "old", expires: "1" }),
    line({ domain: "localhost", name: "elsewhere" }),
  ].join("\n");
  const [first, ...rest] = await requestsOf(
    () => ({ cookies }),
    ({ path }) => path === "/there" ? undefined : { status: 302, headers: { Location: "/there" } },
  );
  assert.equal(first?.headers["cookie"], "here=1");
  assert.ok(rest.length >= 2);
  assert.ok(rest.every(({ headers }) => headers["cookie"] === "there=\xc3\xa9; here=1"));
});

test("a Cookie field of the caller's takes the place of the file's", async () => {
  const cookies = line({ domain: "127.0.0.1" });
  const requests = await requestsOf(() => ({ cookies, headers: { Cookie: "own=1" } }));
  assert.ok(requests.every(({ headers }) => headers["cookie"] === "own=1"));
});

test("99 a cookie that a server sets is sent by every connection from then on, in that download only", async () => {
  const set = () => ({ headers: { "Set-Cookie": "id=1; Path=/" } });
  const [first, ...rest] = await requestsOf(() => ({}), set);
  assert.equal(first?.headers["cookie"], undefined);
  assert.ok(rest.length >= 1 && rest.every(({ headers }) => headers["cookie"] === "id=1"));
  assert.equal((await requestsOf(() => ({}), set))[0]?.headers["cookie"], undefined);
});

test("a malformed cookie file is refused before a request, and leaves nothing", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: SIZE });
  await using downloader = new Downloader();
  const spec = { url: server.url, outputDir: dir.path, cookies: "id=s3cret" };
  assert.throws(() => downloader.download(spec), /^TypeError: Cannot use cookies: line 1 /);
  assert.throws(
    () => new Downloader({ defaults: { cookies: spec.cookies } }),
    /^TypeError: Cannot use cookies/,
  );
  assert.equal(server.connections, 0);
  assert.deepEqual(await dir.list(), []);
});
