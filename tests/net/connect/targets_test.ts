import assert from "node:assert/strict";
import { test } from "node:test";
import { FaultServer } from "../../../testing/mod.ts";
import { Reach, REACH_FILE } from "../../helpers/scenes/reach.ts";

/** Paths and queries, as they are in a URL and in a request. */
const TARGETS = [
  "//bucket//key",
  "//",
  "///",
  "////a",
  "//a//b//c?x=//y",
  "//bucket/key?sig=a%2Fb//",
  "/a//b",
  "/a//b//",
  "//user@host/x",
  "//127.0.0.1/x",
  "/a?",
  "//a?",
  "/a?b?c",
  "/%2F%2Fa",
  "/%2e%2e%2fa",
  "/a%20b;c=d|e'f(g)!$&*+,=:@~",
  "/%22%3C%3E%60%7B%7D%5E",
  "/[x]?[y]|{z}^`\\",
  "/a%zz%",
  "/%C3%BC%FF?%00",
];

/** Downloads each target, and returns what the server was asked for. */
async function ask(
  options: object,
  urlOf: (target: string, server: FaultServer) => string,
): Promise<string[]> {
  await using reach = await Reach.open();
  await using server = await FaultServer.start({
    ...REACH_FILE,
    respond: ({ path }) =>
      path.startsWith("/from/")
        ? {
          status: 302,
          headers: { Location: TARGETS[Number(path.slice(6))]!.replace(/^/, new URL(server.url).origin) },
        }
        : undefined,
  });
  for (const target of TARGETS) await reach.complete(urlOf(target, server), options);
  return server.requests.map(({ path }) => path).filter((path) => !path.startsWith("/from/"));
}

const given = (target: string, server: FaultServer) => new URL(server.url).origin + target;
const inLocation = (target: string, server: FaultServer) =>
  `${new URL(server.url).origin}/from/${TARGETS.indexOf(target)}`;

test("87 every byte of path and query goes out as given", async () => {
  assert.deepEqual(await ask({}, given), TARGETS);
});

test("87 every byte of path and query goes out as given in a Location", async () => {
  assert.deepEqual(await ask({}, inLocation), TARGETS);
});

test("87 every byte of path and query goes out as given, over connections of our own", async () => {
  assert.deepEqual(await ask({ enableIpv6: false }, given), TARGETS);
});

test("87 every byte of path and query goes to a proxy as given", async () => {
  await using reach = await Reach.open();
  await using proxy = await FaultServer.start(REACH_FILE);
  const allProxy = new URL(proxy.url).origin;
  for (const target of TARGETS) await reach.complete(`http://files.example${target}`, { allProxy });
  assert.deepEqual(proxy.requests.map(({ path }) => path), TARGETS.map((it) => `http://files.example${it}`));
});

test("87 the file with leading slashes is another one than that without", async () => {
  await using reach = await Reach.open();
  await using server = await FaultServer.start({
    ...REACH_FILE,
    respond: ({ path }) => path === "//file.bin" ? undefined : { seed: 1, size: 10 },
  });
  const { size } = await reach.complete(`${new URL(server.url).origin}//file.bin`);
  assert.equal(size, REACH_FILE.size);
});

for (const route of [["//hop", "//file.bin"], ["/hop", "//file.bin"], ["//hop", "/file.bin"]]) {
  test(`92 a server sees one connection over the redirects ${route.join(" and ")}`, async () => {
    await using reach = await Reach.open();
    await using server = await FaultServer.start({
      ...REACH_FILE,
      respond: ({ path }) => {
        const next = ["/start", ...route].indexOf(path);
        if (next < 0 || next === route.length) return undefined;
        return {
          status: 302,
          headers: { Location: new URL(server.url).origin + route[next]! },
          body: "moved",
        };
      },
    });
    await reach.complete(`${new URL(server.url).origin}/start`, {}, { maxConnections: 1 });
    assert.equal(server.maxOpenConnections, 1);
  });
}
