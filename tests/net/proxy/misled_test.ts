import assert from "node:assert/strict";
import { test } from "node:test";
import type { HttpClient } from "../../../src/runtime/runtime.ts";
import { runBytehaul } from "../../helpers/child.ts";
import { assertFileIs } from "../../../testing/content.ts";
import { FaultServer } from "../../../testing/mod.ts";
import { Reach, REACH_FILE } from "../../helpers/scenes/reach.ts";
import { queueOn, runtimeWith } from "../../helpers/doubles/runtime_double.ts";
import { Talker } from "../../helpers/sockets/talker.ts";
import { temporaryDirectory } from "../../helpers/temp.ts";

const SECRET = "hush-hush";
const PAGE = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nProxy-Proof: guess\r\n\r\npage";

/** A web server of this machine, and all that it hears. */
async function startTrap(address: string, port: number): Promise<{ talker: Talker; heard: string[] }> {
  const heard: string[] = [];
  const talker = await Talker.start(
    (socket) => {
      socket.on("data", (bytes) => {
        heard.push(String(bytes));
        socket.write(PAGE);
      });
    },
    address,
    port,
  );
  return { talker, heard };
}

/** Where requests for stand-ins once ended up. */
const trapped = await startTrap("127.1.0.0", 80).then(
  async ({ talker }) => {
    await talker[Symbol.asyncDispose]();
    return true;
  },
  () => false,
);
const skip = !trapped && "port 80 of 127.1.0.0 cannot be had";

const LEAST = ["--no-prompt", "--allow-net", "--allow-read", "--allow-write"];
const EVERYWHERE = "0.0.0.0/0";

for (
  const [what, env, denoFlags] of [
    ["NO_PROXY with loopback", { NO_PROXY: "127.0.0.0/8" }, ["-A"]],
    ["no_proxy in lower case", { no_proxy: "localhost,127.0.0.0/8" }, ["-A"]],
    ["NO_PROXY with part of loopback", { NO_PROXY: "127.1.0.0/16" }, ["-A"]],
    ["NO_PROXY with an address", { NO_PROXY: "127.1.0.0" }, ["-A"]],
    ["NO_PROXY with everything", { NO_PROXY: "*" }, ["-A"]],
    ["NO_PROXY that may not be read", { NO_PROXY: "127.0.0.0/8" }, LEAST],
    ["NO_PROXY with every address", { NO_PROXY: EVERYWHERE }, ["-A"]],
    ["NO_PROXY with every address that may not be read", { NO_PROXY: EVERYWHERE }, LEAST],
  ] as const
) {
  test(`103 ${what}: what was asked for is done, or nothing is sent`, { skip, timeout: 60_000 }, async () => {
    await using dir = await temporaryDirectory();
    await using server = await FaultServer.start(REACH_FILE);
    const { talker, heard } = await startTrap("127.1.0.0", 80);
    await using _ = talker;
    const { port } = new URL(server.url);
    for (const scheme of ["http", "https"]) {
      const { status, stderr } = await runBytehaul([
        ...[
          "--resolve",
          `files.example:${port}:127.0.0.1`,
          "--user",
          `me:${SECRET}`,
          "--retries",
          "0",
          "--connect-timeout",
          "1",
        ],
        ...["-o", dir.join(scheme), `${scheme}://files.example:${port}/file.bin`],
      ], { env, denoFlags });
      if (scheme === "https") assert.ok(status === 1, stderr); // it speaks no TLS
      else if (status === 0) await assertFileIs(dir.join("http"), REACH_FILE.seed, REACH_FILE.size);
      else {assert.match(
          stderr,
          /^bytehaul: Cannot reach files\.example:\d+ in the way that was asked for: .*NO_PROXY/,
        );}
      if (scheme === "http" && "NO_PROXY" in env && env.NO_PROXY !== EVERYWHERE) {
        assert.equal(status, 0, stderr);
      }
    }
    assert.deepEqual(heard, []);
  });
}

/** Takes what is meant for a proxy somewhere else. */
function misleading(to: string): (client: HttpClient) => HttpClient {
  return (client) => ({
    get: (url, options) => client.get(url.replace(/^http:\/\/[\d.]+/, to), options),
    close: () => client.close(),
  });
}

const OPTIONS = {
  resolve: () => ({ resolve: { "*:80": "127.0.0.1" } }),
  enableIpv6: () => ({ enableIpv6: false }),
  localAddress: () => ({ localAddress: "127.0.0.1" }),
  allProxy: () => ({ allProxy: "http://127.0.0.1:9" }),
  dnsServers: () => ({ dnsServers: ["127.0.0.1:9"] }),
};

for (const [name, options] of Object.entries(OPTIONS)) {
  test(`103 a runtime that goes another way than ${name} says: refused, and nobody learns what was asked`, async () => {
    await using reach = await Reach.open();
    const { talker, heard } = await startTrap("127.0.0.1", 0);
    await using _ = talker;
    await using server = await FaultServer.start(REACH_FILE);
    const real = runtimeWith({});
    const runtime = {
      ...real,
      createHttpClient: (settings: Parameters<typeof real.createHttpClient>[0]) =>
        misleading(`http://${talker.host}`)(real.createHttpClient({ ...settings, proxy: undefined })),
    };
    const queue = queueOn(runtime, options());
    try {
      const spec = reach.spec(`${server.url}?${SECRET}`, {
        maxRetries: 3,
        headers: { "X-Key": SECRET },
        bearerToken: SECRET,
      });
      const error = await queue.add(spec).wait().catch((error) => error);
      assert.deepEqual([error.code, error.retryable], ["network", false]);
      assert.match(error.message, /NO_PROXY/);
    } finally {
      await queue.close();
    }
    assert.equal(heard.length, 1, "it is not tried again");
    assert.ok(!/hush|file\.bin|authorization/i.test(heard[0]!), heard[0]);
    assert.equal(server.connections, 0);
    assert.deepEqual(await reach.outputs(), []);
  });
}

test("103 the relay proves itself once for each host, to which nothing more is sent", async () => {
  await using server = await FaultServer.start(REACH_FILE);
  await using reach = await Reach.open();
  const starter = reach.start({ enableIpv6: false });
  try {
    for (let count = 0; count < 3; count++) await starter.download(reach.spec(server.url)).wait();
  } finally {
    await starter.close();
  }
  assert.deepEqual(server.requests.map(({ path }) => path), ["/file.bin", "/file.bin", "/file.bin"]);
  assert.equal(server.connections, 1);
});
