import assert from "node:assert/strict";
import { test } from "node:test";
import { runBytehaul } from "../../helpers/child.ts";
import { FaultServer } from "../../../testing/mod.ts";
import { Reach, REACH_FILE } from "../../helpers/scenes/reach.ts";

type Environment = Readonly<Record<string, string>>;

/** Values of the environment that are of no use to us. */
const UNUSABLE = {
  "SOCKS4": "socks4://proxy.example:1080",
  "SOCKS4a": "socks4a://me:hush@proxy.example:1080",
  "an FTP proxy": "ftp://proxy.example:21",
  "a kind that nobody knows": "quic+masque://proxy.example",
  "a port that is none": "http://proxy.example:99999",
  "a password that is not encoded": "http://me:hu%sh@proxy.example",
  "a path": "http://proxy.example/sub",
};

for (const [what, proxy] of Object.entries(UNUSABLE)) {
  test(`108 ${what} in the environment hinders no URL that goes past it`, async () => {
    await using reach = await Reach.open();
    reach.secrets.push("hush", "hu%sh");
    await using server = await FaultServer.start(REACH_FILE);
    const environments: readonly Environment[] = [
      { https_proxy: proxy },
      { all_proxy: proxy, http_proxy: new URL(server.url).origin },
      { all_proxy: proxy, no_proxy: "127.0.0.1" },
      { ftp_proxy: proxy, rsync_proxy: proxy },
    ];
    for (const environment of environments) await reach.complete(server.url, { environment });
    await reach.complete(server.url, { environment: { all_proxy: proxy } }, { proxy: false });
    await reach.complete(server.url, { environment: { all_proxy: proxy }, proxy: false });
    await reach.complete(server.url, { environment: { http_proxy: proxy }, noProxy: "127.0.0.1" });
  });

  test(`108 ${what} in the environment is an error of the URL that would go through it`, async () => {
    await using reach = await Reach.open();
    reach.secrets.push("hush", "hu%sh");
    await using server = await FaultServer.start(REACH_FILE);
    const environments: readonly Environment[] = [{ http_proxy: proxy }, { ALL_PROXY: proxy }];
    for (const environment of environments) {
      const error = await reach.fail("proxy", server.url, { environment }, { maxRetries: 3 });
      assert.match(error.message, /^Cannot use the proxy ".*": .* \(it is named by the environment\)$/);
      assert.equal(error.retryable, false);
    }
    assert.equal(server.connections, 0);
  });
}

test("108 a redirect to a URL that would go through such a proxy is an error", async () => {
  await using reach = await Reach.open();
  await using server = await FaultServer.start({
    ...REACH_FILE,
    respond: () => ({ status: 302, headers: { Location: "https://files.example/file.bin" } }),
  });
  await reach.fail("proxy", server.url, { environment: { https_proxy: "socks4://proxy.example" } });
});

test("108 what the caller names is judged before anything starts", async () => {
  await using reach = await Reach.open();
  const httpsProxy = "socks4://proxy.example";
  assert.throws(() => reach.start({ httpsProxy }), TypeError);
  await assert.rejects(reach.complete("http://127.0.0.1:9/file.bin", {}, { httpsProxy }), TypeError);
});

test("108 the command with such a variable", async () => {
  await using reach = await Reach.open();
  await using server = await FaultServer.start(REACH_FILE);
  const run = (env: Environment) =>
    runBytehaul(["--overwrite", "--retries", "0", "-o", reach.dir.join("out", "file"), server.url], { env });
  const { status, stderr } = await run({ https_proxy: "socks4://a.example", all_proxy: "" });
  assert.equal(status, 0, stderr);
  const refused = await run({ http_proxy: "socks4://a.example" });
  assert.match(refused.stderr, /^bytehaul: Cannot use the proxy "socks4:[^\n]*\n$/);
  assert.equal(refused.status, 1);
});
