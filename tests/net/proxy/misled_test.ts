import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { assertFileIs } from "../../../testing/content.ts";
import { Child } from "../../helpers/child.ts";
import { REACH_FILE } from "../../helpers/scenes/reach.ts";
import { WITH_OPENSSL } from "../../helpers/sockets/certificate.ts";
import { Talker } from "../../helpers/sockets/talker.ts";
import { temporaryDirectory } from "../../helpers/temp.ts";
import { wantedFrom, watchWays } from "./watched_ways.ts";

const SCRIPT = fileURLToPath(new URL("./watched_child.ts", import.meta.url));
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
const skip = WITH_OPENSSL.skip ||
  (!addresses.includes("127.0.0.1") && "port 80 of 127.0.0.1 cannot be had");

/** An environment that could mislead requests; `WATCHER` stands for a proxy that nobody asked for. */
interface Environment {
  readonly names: readonly string[];
  readonly value: string;
  /** Whether the ways without a proxy forbid one. */
  readonly isDirect?: true;
}

const NO_PROXY_NAMES = ["NO_PROXY", "no_proxy"];
const PROXY_NAMES = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"];
const WATCHER = "a watcher";
const ENVIRONMENTS: readonly Environment[] = [
  ...["127.0.0.0/8", "0.0.0.0/0", "localhost,*.internal", "*"].map((value) => ({
    names: NO_PROXY_NAMES,
    value,
  })),
  { names: PROXY_NAMES, value: WATCHER, isDirect: true },
];
/** With the second the environment may not be read. Only Deno has permissions. */
const PERMISSIONS: Readonly<Record<string, readonly string[]>> = {
  "": ["-A"],
  ...("Deno" in globalThis && {
    ", which may not be read": [
      "--no-prompt",
      "--allow-net",
      "--allow-read",
      "--allow-write",
      "--allow-sys",
      "--allow-env=NODE_USE_SYSTEM_CA",
    ],
  }),
};

for (const { names, value, isDirect } of ENVIRONMENTS) {
  for (const [what, denoFlags] of Object.entries(PERMISSIONS)) {
    test(`103 ${names[0]}=${value}${what}: only the way that was asked for is used`, {
      skip,
      timeout: 60_000,
    }, async () => {
      await using stack = new AsyncDisposableStack();
      const dir = stack.use(await temporaryDirectory());
      const watched = stack.use(await watchWays(dir));
      const traps = await Promise.all([
        ...addresses.map((address) => startTrap(address, 80)),
        startTrap("127.0.0.1", 0),
      ]);
      for (const { talker } of traps) stack.use(talker);
      const watcher = `http://${traps.at(-1)!.talker.host}`;
      await writeFile(dir.join("ways"), JSON.stringify(watched.ways));
      await mkdir(dir.join("out"));
      const env = Object.fromEntries(names.map((name) => [name, value === WATCHER ? watcher : value]));
      const args = [dir.join("ways"), dir.join("out"), isDirect ? "direct" : ""];
      await using child = new Child(SCRIPT, args, {
        denoFlags,
        // Deno itself would look for a newer version.
        env: { ...env, DENO_NO_UPDATE_CHECK: "1" },
      });
      const { status, stdout, stderr } = await child.ended;
      assert.equal(status, 0, stderr);
      const wanted = Object.entries(watched.ways).map((
        [name, way],
      ) => [name, way.isDead ? "failed" : "done"]);
      assert.deepEqual(JSON.parse(stdout), Object.fromEntries(wanted));
      assert.deepEqual(traps.flatMap(({ heard }) => heard), []);
      assert.deepEqual(watched.seen(), wantedFrom(watched.ways));
      for (const [name, { isDead }] of Object.entries(watched.ways)) {
        if (!isDead) await assertFileIs(dir.join("out", name), REACH_FILE.seed, REACH_FILE.size);
      }
    });
  }
}
