import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Child, runBytehaul } from "../helpers/child.ts";
import { contentHash } from "../../testing/content.ts";
import { FaultServer } from "../../testing/mod.ts";
import { temporaryDirectory } from "../helpers/temp.ts";

const FILE = { seed: 5, size: 3000 } as const;
/** Gives a program a terminal. */
const SCRIPT = "/usr/bin/script";
const ON_DENO = { timeout: 60_000, skip: !("Deno" in globalThis) && "only Deno has permissions" };

/** For one host and one directory. */
function permissions(host: string, dir: string): string[] {
  return [`--allow-net=${host}`, `--allow-read=${dir}`, `--allow-write=${dir}`];
}

const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  "--resolve": ["--resolve", "files.example:80:127.0.0.1"],
  "--dns": ["--dns", "127.0.0.1"],
  "--doh": ["--doh", "https://127.0.0.1/dns-query"],
  "--no-ipv6": ["-4"],
  "--interface": ["--interface", "127.0.0.1"],
  "--proxy": ["--proxy", "http://127.0.0.1:9"],
  "--proxy socks5h": ["--proxy", "socks5h://127.0.0.1:9"],
};

for (const [name, flags] of Object.entries(OPTIONS)) {
  test(`105 ${name} without the permission it takes: an error that names it`, ON_DENO, async () => {
    await using dir = await temporaryDirectory();
    await using server = await FaultServer.start(FILE);
    const denoFlags = ["--no-prompt", ...permissions(new URL(server.url).host, dir.path)];
    const { status, stderr } = await runBytehaul([...flags, "--json", "-d", dir.path, server.url], {
      denoFlags,
    });
    assert.match(stderr, /^bytehaul: Cannot [^\n]*--allow-net[^\n]*\n$/);
    assert.doesNotMatch(stderr, /tries/);
    assert.equal(status, 1);
    assert.equal(server.connections, 0);
    assert.deepEqual(await dir.list(), []);
  });
}

test("105 an address that is denied to us alone: an error as well", ON_DENO, async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start(FILE);
  const { port } = new URL(server.url);
  for (const denied of ["127.0.0.1", "0.0.0.0", `127.0.0.1:${port}`]) {
    const files = [`--allow-read=${dir.path}`, `--allow-write=${dir.path}`];
    const denoFlags = ["--no-prompt", "--allow-net", `--deny-net=${denied}`, ...files];
    const flags = denied === "0.0.0.0" ? ["--dns", "127.0.0.1:9"] : ["-4"];
    const url = denied === "0.0.0.0" ? `http://files.example:${port}/file.bin` : server.url;
    const { status, stderr } = await runBytehaul([...flags, "--retries", "0", "-d", dir.path, url], {
      denoFlags,
    });
    assert.match(stderr, /^bytehaul: Cannot [^\n]+\n$/);
    assert.equal(status, 1);
    assert.equal(server.connections, 0);
  }
});

test("105 a redirect to a host that is not allowed: an error that names host and flag", ON_DENO, async () => {
  await using dir = await temporaryDirectory();
  await using other = await FaultServer.start(FILE);
  for (const location of [other.url, "https://elsewhere.example/file.bin", "http://[::1]:1234/file.bin"]) {
    await using server = await FaultServer.start({
      ...FILE,
      respond: () => ({ status: 302, headers: { Location: location } }),
    });
    const denoFlags = ["--no-prompt", ...permissions(new URL(server.url).host, dir.path)];
    const { status, stderr } = await runBytehaul(["--allow-downgrade", "-d", dir.path, server.url], {
      denoFlags,
    });
    const { hostname, port } = new URL(location);
    const host = `${hostname}:${port || 443}`;
    assert.ok(
      stderr.includes(`Cannot reach ${host}: Deno forbids it; run it with --allow-net=${host}`),
      stderr,
    );
    assert.deepEqual([status, server.requests.length, other.connections], [1, 1, 0]);
  }
});

test(
  "105 on a terminal, a redirect raises no prompt, and an option that takes a permission neither",
  { timeout: 60_000, skip: ON_DENO.skip || (!existsSync(SCRIPT) && "there is no script") },
  async () => {
    await using dir = await temporaryDirectory();
    await using other = await FaultServer.start(FILE);
    await using server = await FaultServer.start({
      ...FILE,
      respond: () => ({ status: 302, headers: { Location: other.url } }),
    });
    const cli = fileURLToPath(new URL("../../cli.ts", import.meta.url));
    for (const more of [[], ["-4"], ["--interface", "127.0.0.1"]]) {
      const args = [
        "run",
        ...permissions(new URL(server.url).host, dir.path),
        "--allow-env",
        "--allow-ffi",
        cli,
      ];
      const words = [process.execPath, ...args, ...more, "-d", dir.path, server.url].map((word) =>
        `'${word}'`
      );
      await using child = new Child(SCRIPT, ["-qec", words.join(" "), "/dev/null"], {
        isProgram: true,
        maxLifetimeMs: 20_000,
      });
      const { status, stdout } = await child.ended;
      assert.doesNotMatch(stdout, /Allow\?/);
      assert.match(stdout, /Cannot .*--allow-net/);
      assert.equal(status, 1);
    }
    assert.equal(other.connections, 0);
  },
);

test("105 with the permission, the same options work", ON_DENO, async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start(FILE);
  const denoFlags = ["--no-prompt", "--allow-net", `--allow-read=${dir.path}`, `--allow-write=${dir.path}`];
  const { port } = new URL(server.url);
  const url = `http://files.example:${port}/file.bin`;
  const checksum = `sha256:${contentHash(FILE.seed, FILE.size, "sha256")}`;
  const flags = ["--resolve", `files.example:${port}:127.0.0.1`, "-4", "--interface", "127.0.0.1"];
  const { status, stderr } = await runBytehaul([...flags, "--checksum", checksum, "-d", dir.path, url], {
    denoFlags,
  });
  assert.equal(status, 0, stderr);
});
