import assert from "node:assert/strict";
import { test } from "node:test";
import { runBytehaul } from "../../helpers/child.ts";
import { assertFileIs } from "../../../testing/content.ts";
import { FaultServer } from "../../../testing/mod.ts";
import { REACH_FILE } from "../../helpers/scenes/reach.ts";
import { Talker } from "../../helpers/sockets/talker.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../../helpers/temp.ts";

const SECRET = "hush-hush";
const PAGE = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage";

/** A web server of this machine, and all that it hears. */
async function startTrap(address: string, port: number): Promise<{ talker: Talker; heard: string[] }> {
  const heard: string[] = [];
  const talker = await Talker.start(
    (socket) => {
      heard.push("a connection");
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

/** Where requests that miss their way end up. */
const TRAPS = ["127.0.0.1", "127.1.0.0", "::1"];
const trapped = await Promise.all(TRAPS.map(async (address) => {
  const trap = await startTrap(address, 80).catch(() => undefined);
  await trap?.talker[Symbol.asyncDispose]();
  return trap === undefined ? [] : [address];
}));
const addresses = trapped.flat();
const skip = !addresses.includes("127.0.0.1") && "port 80 of 127.0.0.1 cannot be had";

const LEAST = ["--no-prompt", "--allow-net", "--allow-read", "--allow-write"];
const ENVIRONMENTS: readonly (readonly [env: Readonly<Record<string, string>>, denoFlags: string[]])[] = [
  ...["127.0.0.0/8", "0.0.0.0/0", "localhost,*.internal", "127.1.0.0/16", "*"].map((NO_PROXY) =>
    [{ NO_PROXY }, ["-A"]] as const
  ),
  [{ no_proxy: "localhost,127.0.0.0/8" }, ["-A"]],
  [{ NO_PROXY: "127.0.0.0/8" }, LEAST],
  [{ NO_PROXY: "0.0.0.0/0" }, LEAST],
].map(([env, flags]) => [env as Readonly<Record<string, string>>, [...flags as string[]]] as const);

/** What a test has started. */
interface World {
  readonly server: FaultServer;
  readonly proxy: FaultServer;
  readonly dir: TemporaryDirectory;
  /** Port of the server. */
  readonly port: string;
}

/** An option, and the URL that is asked for with it. */
interface Way {
  readonly flags: (world: World) => readonly string[];
  readonly url: (world: World) => string;
  /** Whether the proxy gets the request in place of the server. */
  readonly isProxied?: true;
}

const plainly = ({ port }: World): string => `http://127.0.0.1:${port}/file.bin`;
const named = ({ port }: World): string => `http://files.internal:${port}/file.bin`;
const proxied = ({ proxy }: World): readonly string[] => ["--proxy", new URL(proxy.url).origin];

const WAYS: Readonly<Record<string, Way>> = {
  "--resolve": { flags: ({ port }) => ["--resolve", `files.internal:${port}:127.0.0.1`], url: named },
  "--no-ipv6": { flags: () => ["--no-ipv6"], url: plainly },
  "--interface": { flags: () => ["--interface", "127.0.0.1"], url: plainly },
  "--dns": { flags: () => ["--dns", "127.0.0.1:9"], url: plainly },
  "--proxy": { flags: proxied, url: named, isProxied: true },
};

for (const [env, denoFlags] of ENVIRONMENTS) {
  const what = `${Object.entries(env).join()}${denoFlags === LEAST ? " that may not be read" : ""}`;
  test(`103 ${what}: only the way that was asked for is used`, { skip, timeout: 60_000 }, async () => {
    await using stack = new AsyncDisposableStack();
    const dir = stack.use(await temporaryDirectory());
    const server = stack.use(await FaultServer.start(REACH_FILE));
    const proxy = stack.use(await FaultServer.start(REACH_FILE));
    const traps = await Promise.all(addresses.map((address) => startTrap(address, 80)));
    for (const { talker } of traps) stack.use(talker);
    const world: World = { server, proxy, dir, port: new URL(server.url).port };
    for (const [name, { flags, url, isProxied }] of Object.entries(WAYS)) {
      const [used, unused] = isProxied ? [proxy, server] : [server, proxy];
      const before = [used.requests.length, unused.connections];
      const output = dir.join(`out${name}`);
      const { status, stderr } = await runBytehaul(
        [...flags(world), "--user", `me:${SECRET}`, "--retries", "0", "-o", output, url(world)],
        { env, denoFlags },
      );
      assert.equal(status, 0, `${name}: ${stderr}`);
      await assertFileIs(output, REACH_FILE.seed, REACH_FILE.size);
      assert.deepEqual([used.requests.length > before[0]!, unused.connections], [true, before[1]], name);
    }
    assert.deepEqual(traps.flatMap(({ heard }) => heard), []);
  });
}

const REFUSED: Readonly<Record<string, readonly [flags: readonly string[], url: string]>> = {
  "--proxy that is down": [["--proxy", "http://127.0.0.1:9"], "http://files.internal/"],
  "--proxy that is down, https": [["--proxy", "http://127.0.0.1:9"], "https://localhost/"],
  "--dns that is down": [["--dns", "127.0.0.1:9"], "http://localhost.internal/"],
  "--resolve to nobody": [["--resolve", "files.internal:80:127.0.0.9"], "http://files.internal/"],
  "--resolve to nobody, https": [["--resolve", "files.internal:443:127.0.0.9"], "https://files.internal/"],
};

for (const NO_PROXY of ["127.0.0.0/8", "0.0.0.0/0", "localhost,*.internal"]) {
  test(
    `103 NO_PROXY=${NO_PROXY}: where the way that was asked for fails, none is used`,
    { skip },
    async () => {
      await using dir = await temporaryDirectory();
      await using stack = new AsyncDisposableStack();
      const traps = await Promise.all(addresses.map((address) => startTrap(address, 80)));
      for (const { talker } of traps) stack.use(talker);
      for (const [name, [flags, url]] of Object.entries(REFUSED)) {
        const { status } = await runBytehaul(
          [
            ...flags,
            "--user",
            `me:${SECRET}`,
            "--retries",
            "0",
            "--connect-timeout",
            "3",
            "-d",
            dir.path,
            url,
          ],
          { env: { NO_PROXY } },
        );
        assert.equal(status, 1, name);
      }
      assert.deepEqual(traps.flatMap(({ heard }) => heard), []);
      assert.deepEqual(await dir.list(), []);
    },
  );
}
