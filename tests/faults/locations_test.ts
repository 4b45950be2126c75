import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assertFileIs } from "../../testing/content.ts";
import { FaultServer, type RecordedRequest, type Reply } from "../../testing/mod.ts";
import { Downloader } from "../../mod.ts";
import { temporaryDirectory } from "../helpers/temp.ts";

const SEED = 88;
const SIZE = 120_000;
/** Where every redirect begins. */
const START = "/dir/start?from=there";

/** UTF-8, each byte as one character, as a server sends it. */
const raw = (text: string): string => Buffer.from(text).toString("latin1");

/** A redirect with these lines, and nothing of them changed. */
function redirect(...lines: readonly string[]): Reply {
  return { rawHead: ["HTTP/1.1 302 Found", ...lines, "Content-Length: 0", "", ""].join("\r\n"), body: "" };
}

/** Downloads from a server whose first answer has these lines, and returns what was asked for then. */
async function followed(lines: (host: string) => readonly string[]): Promise<readonly RecordedRequest[]> {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({
    ...{ size: SIZE, seed: SEED },
    respond: ({ path }) => path === START ? redirect(...lines(new URL(server.url).host)) : undefined,
  });
  await using downloader = new Downloader();
  const outputPath = dir.join("out.bin");
  const url = new URL(START, server.url);
  await downloader.download({ url, outputPath, maxRetries: 0 }).wait();
  await assertFileIs(outputPath, SEED, SIZE);
  return server.requests.filter(({ path }) => path !== START);
}

/** What stands in a Location, and what is asked for then. */
const LOCATIONS: Readonly<Record<string, readonly [location: (host: string) => string, wanted: string]>> = {
  "88 raw UTF-8 in Location": [() => raw("/größe/文件.bin"), "/gr%C3%B6%C3%9Fe/%E6%96%87%E4%BB%B6.bin"],
  "88 raw UTF-8 in an absolute Location, query included": [
    (host) => raw(`http://${host}/é?name=ü`),
    "/%C3%A9?name=%C3%BC",
  ],
  "88 raw UTF-8 beyond the first plane": [() => raw("/😀.bin"), "/%F0%9F%98%80.bin"],
  "88 raw UTF-8 beside what is encoded already": [() => raw("/%C3%A9é%2Fx"), "/%C3%A9%C3%A9%2Fx"],
  "88 Latin-1, which is no UTF-8": [() => "/caf\xe9.bin?\xff", "/caf%E9.bin?%FF"],
  "88 bytes that are control characters in Latin-1": [() => "/a\x80\x9fb", "/a%80%9Fb"],
  "88 what is encoded stays, case included": [
    () => "/%e9%2f%2E%41%25?a=%2b+%zz&b=%",
    "/%e9%2f%2E%41%25?a=%2b+%zz&b=%",
  ],
  "88 raw spaces": [() => "/a b/c  d?x= y", "/a%20b/c%20%20d?x=%20y"],
  "88 blanks around": [() => " \t /there \t", "/there"],
  "88 a fragment": [() => "/there#part?x", "/there"],
  "88 a fragment of raw UTF-8": [() => raw("/there#é"), "/there"],
  "88 a relative Location": [() => "there", "/dir/there"],
  "88 a relative Location that goes up": [() => "../there?x", "/there?x"],
  "88 a Location without a scheme": [(host) => `//${host}/there`, "/there"],
  "88 a query alone": [() => "?to=there", "/dir/start?to=there"],
  "88 an empty query": [(host) => `http://${host}/there?`, "/there?"],
  "88 no path": [(host) => `http://${host}`, "/"],
  "88 no path but a query": [(host) => `http://${host}?x`, "/?x"],
  "88 backslashes in the path": [() => "/a\\b\\..\\c?d=\\e", "/a%5Cb%5C..%5Cc?d=\\e"],
  "88 a backslash that is not the start of a host": [() => "/\\127.0.0.2/there", "/%5C127.0.0.2/there"],
  "88 a user in Location": [(host) => `http://mallory:pw@${host}/there`, "/there"],
  "88 characters that need no encoding": [
    () => "/a!$&'()*+,;=:@-._~|[]?a=b&c[]=d|e",
    "/a!$&'()*+,;=:@-._~|[]?a=b&c[]=d|e",
  ],
  "88 an address within the query": [(host) => `/there?u=http://${host}/x, y`, `/there?u=http://HOST/x,%20y`],
  "88 commas in a path": [() => "/a, b, a", "/a,%20b,%20a"],
  "87 leading slashes in an absolute Location": [
    (host) => `http://${host}/x//bucket//key`,
    "/x//bucket//key",
  ],
};

for (const [what, [location, wanted]] of Object.entries(LOCATIONS)) {
  test(`${what}: followed as curl does`, async () => {
    let host = "";
    const requests = await followed((at) => [`Location: ${location(host = at)}`]);
    assert.deepEqual([...new Set(requests.map(({ path }) => path))], [wanted.replace("HOST", host)]);
    assert.ok(requests.every(({ headers }) => headers["host"] === host));
  });
}

const TWICE: Readonly<Record<string, readonly [lines: (host: string) => readonly string[], wanted: string]>> =
  {
    "two equal Locations": [() => ["Location: /there", "Location: /there"], "/there"],
    "two equal absolute Locations, in any case of the name": [
      (host) => [`Location: http://${host}/there?a=1`, `location: http://${host}/there?a=1`],
      "/there?a=1",
    ],
    "three equal Locations": [() => Array(3).fill("Location: /there"), "/there"],
    "two equal Locations with commas in them": [() => Array(2).fill("Location: /a, b,c"), "/a,%20b,c"],
    "two equal Locations of raw UTF-8": [() => Array(2).fill(`Location: ${raw("/é")}`), "/%C3%A9"],
    "one field with the same URL twice": [(host) => [`Location: http://${host}/x, http://${host}/x`], "/x"],
    "two URLs": [(host) => [`Location: http://${host}/1`, `Location: http://${host}/2`], "/1"],
  };

for (const [what, [lines, wanted]] of Object.entries(TWICE)) {
  test(`88 ${what}: one of them counts`, async () => {
    const requests = await followed(lines);
    assert.deepEqual([...new Set(requests.map(({ path }) => path))], [wanted]);
  });
}

test("88 a Location whose host is raw UTF-8 is refused or reached by its name in ASCII, never in mojibake", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({
    size: SIZE,
    respond: () => redirect(`Location: ${raw("http://bücher.invalid/")}`),
  });
  await using downloader = new Downloader();
  const running = downloader.download({ url: server.url, outputDir: dir.path, maxRetries: 0 }).wait();
  await assert.rejects(running, (error: Error) => {
    assert.doesNotMatch(error.message, /Ã/);
    return true;
  });
});
