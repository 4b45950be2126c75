import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { DownloadError } from "../../mod.ts";
import { parseProxy } from "../../src/options/proxy.ts";
import { openSocks } from "../../src/net/proxy/socks.ts";
import type { Connection } from "../../src/runtime/runtime.ts";
import { FaultServer } from "../../testing/mod.ts";
import { Reach, REACH_FILE } from "../helpers/scenes/reach.ts";
import { startSocksDouble } from "../helpers/sockets/socks_double.ts";
import { Talker } from "../helpers/sockets/talker.ts";

const NAME = "a".repeat(60);

/** A host name of exactly `length` bytes. */
function hostOf(length: number): string {
  const labels = `${NAME}.`.repeat(Math.ceil(length / 61));
  return `b${labels.slice(0, length - 1).replace(/\.$/, "c")}`;
}

for (const length of [256, 300, 257 + 14, 511, 512, 1000]) {
  test(`109 a host name of ${length} bytes does not go to a SOCKS proxy, which would take it for another`, async () => {
    await using reach = await Reach.open();
    await using victim = await FaultServer.start(REACH_FILE);
    const { talker, requests } = await startSocksDouble(() => ({ port: Number(new URL(victim.url).port) }));
    await using _ = talker;
    const allProxy = `socks5h://${talker.host}`;
    const error = await reach.fail("proxy", `http://${hostOf(length)}/file.bin`, { allProxy });
    assert.match(error.message, /host names of more than 255 bytes$/);
    assert.equal(error.retryable, false);
    assert.deepEqual([talker.connections, requests.length, victim.connections], [0, 0, 0]);
  });
}

test("109 a redirect cannot choose the target of a SOCKS proxy by a name that is too long", async () => {
  await using reach = await Reach.open();
  const location = `http://${hostOf(256 + 20)}/file.bin`;
  await using server = await FaultServer.start({
    ...REACH_FILE,
    respond: () => ({ status: 302, headers: { Location: location } }),
  });
  const { talker, requests } = await startSocksDouble(() => ({ port: Number(new URL(server.url).port) }));
  await using _ = talker;
  await reach.fail("proxy", "http://files.example/file.bin", { allProxy: `socks5h://${talker.host}` });
  assert.deepEqual([talker.connections, requests.map(({ host }) => host)], [1, ["files.example"]]);
});

test("109 a host name of 255 bytes goes to a SOCKS proxy as it is", async () => {
  await using reach = await Reach.open();
  await using server = await FaultServer.start(REACH_FILE);
  const { talker, requests } = await startSocksDouble(() => ({ port: Number(new URL(server.url).port) }));
  await using _ = talker;
  const host = hostOf(255);
  await reach.complete(`http://${host}/file.bin`, { allProxy: `socks5h://${talker.host}` });
  assert.deepEqual(requests, [{ kind: 3, host }]);
});

for (
  const [what, user] of [
    ["a user name of 256 bytes", `${"u".repeat(256)}:p`],
    ["a password of 256 bytes", `u:${"p".repeat(256)}`],
    ["a password of 300 bytes in UTF-8", `u:${encodeURIComponent("ü".repeat(150))}`],
    ["a user name of 600 bytes", `${"u".repeat(600)}:p`],
  ] as const
) {
  for (const protocol of ["socks5", "socks5h"]) {
    test(`109 ${what}, given for ${protocol}: refused before anything is sent`, async () => {
      await using reach = await Reach.open();
      await using talker = await Talker.silent();
      const allProxy = `${protocol}://${user}@${talker.host}`;
      assert.throws(() => reach.start({ allProxy }), isRefused);
      const environment = { all_proxy: allProxy };
      const error = await reach.fail("proxy", "http://files.example/file.bin", { environment });
      assert.ok(isRefused(error) && !error.retryable);
      assert.equal(talker.connections, 0);
    });
  }
}

function isRefused({ message }: Error): boolean {
  assert.match(
    message,
    /^Cannot use the proxy "socks5h?:\/\/\*\*\*@127\.0\.0\.1:\d+": SOCKS5 has no .* more than 255 bytes/,
  );
  return true;
}

test("109 nothing that is too long is written to a SOCKS proxy", async () => {
  const written: Uint8Array[] = [];
  const connection: Connection = {
    read: () => Promise.resolve(0),
    write: (bytes) => Promise.resolve(void written.push(bytes)),
    close: () => {},
    closeAfter: () => {},
  };
  const proxy = parseProxy("socks5h://127.0.0.1");
  const opening = openSocks(connection, proxy, { host: "x".repeat(256), port: 80 });
  const error = await opening.then(() => undefined, (error) => error);
  assert.ok(error instanceof DownloadError && !error.retryable, inspect(error));
  assert.deepEqual(written, []);
});
