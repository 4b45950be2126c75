import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { DownloaderOptions } from "../../mod.ts";
import { Child, runBytehaul } from "../helpers/child.ts";
import { contentHash } from "../../testing/content.ts";
import { FaultServer, type RecordedRequest, type Reply } from "../../testing/mod.ts";
import { makeCertificate, WITH_OPENSSL } from "../helpers/sockets/certificate.ts";
import { loopbackAnswer, startDnsDouble } from "../helpers/sockets/dns_double.ts";
import { startSocksDouble } from "../helpers/sockets/socks_double.ts";
import { TlsFront } from "../helpers/sockets/tls_front.ts";
import { temporaryDirectory } from "../helpers/temp.ts";

const FILE = { seed: 5, size: 3000 } as const;
const CHILD = fileURLToPath(new URL("./permissions_child.ts", import.meta.url));
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

const WAYS = ["direct", "redirect", "localAddress", "proxy", "socks5h", "dns", "doh", "resolve"] as const;
type Way = (typeof WAYS)[number];

/** Everything that the ways need, and what Deno is told of it. */
interface World {
  readonly dir: string;
  /** Host and port of the server of the file, and of the one that redirects to it. */
  readonly server: string;
  readonly redirector: string;
  readonly ways: Readonly<Record<Way, { readonly url: string; readonly options: DownloaderOptions }>>;
}

async function withWays(run: (world: World) => Promise<void>): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await temporaryDirectory());
  const outputs = stack.use(await temporaryDirectory());
  const server = stack.use(await FaultServer.start(FILE));
  const [host, port] = [new URL(server.url).host, new URL(server.url).port];
  const headers = { Location: server.url };
  const redirector = stack.use(
    await FaultServer.start({ ...FILE, respond: () => ({ status: 302, headers }) }),
  );
  const socks = stack.use((await startSocksDouble(() => ({ port: Number(port) }))).talker);
  const dns = stack.use(await startDnsDouble());
  const respond = ({ path }: RecordedRequest): Reply => {
    const question = new URL(path, "http://doh").searchParams.get("dns") ?? "";
    return { body: loopbackAnswer(Buffer.from(question, "base64url")), status: 200 };
  };
  const doh = stack.use(await FaultServer.start({ ...FILE, respond }));
  const certificate = await makeCertificate(dir.path);
  const front = stack.use(await TlsFront.start(doh.url, certificate));
  const tls = { ca: await readFile(certificate.caCert, "utf8") };
  const named = `http://files.example:${port}/file.bin`;
  await run({
    dir: outputs.path,
    server: host,
    redirector: new URL(redirector.url).host,
    ways: {
      direct: { url: server.url, options: {} },
      redirect: { url: redirector.url, options: {} },
      localAddress: { url: server.url, options: { localAddress: "127.0.0.1" } },
      proxy: { url: named, options: { allProxy: `http://${host}` } },
      socks5h: { url: named, options: { allProxy: `socks5h://${socks.host}` } },
      dns: { url: named, options: { dnsServers: [dns.host] } },
      doh: { url: named, options: { dohServers: [`https://${front.host}/dns-query`], tls } },
      resolve: { url: named, options: { resolve: { [`files.example:${port}`]: "127.0.0.1" } } },
    },
  });
}

/** The flags for everything except some permissions. */
function flagsWithout({ dir }: World, ...missing: readonly string[]): string[] {
  const flags = { net: "", read: `=${dir}`, write: `=${dir}`, env: "", sys: "", run: "", ffi: "" };
  return Object.entries(flags).filter(([name]) => !missing.includes(name)).map(([name, value]) =>
    `--allow-${name}${value}`
  );
}

/** The flags, and what the error of each way names; ways that are left out complete. */
interface Case {
  readonly flags: (world: World) => readonly string[];
  readonly errors: (world: World) => Partial<Record<Way, RegExp>>;
}

const forAll = (error: RegExp) => () => Object.fromEntries(WAYS.map((way) => [way, error]));
const own = /--allow-net\b/;

const CASES: Readonly<Record<string, Case>> = {
  "every permission": { flags: (world) => flagsWithout(world), errors: () => ({}) },
  "no permission": { flags: () => [], errors: forAll(/--allow-(?:net|read)\b/) },
  "all but net": { flags: (world) => flagsWithout(world, "net"), errors: forAll(own) },
  "all but read": { flags: (world) => flagsWithout(world, "read"), errors: forAll(/--allow-read\b/) },
  "all but write": { flags: (world) => flagsWithout(world, "write"), errors: forAll(/--allow-write\b/) },
  "no env, sys, run and ffi": {
    flags: (world) => flagsWithout(world, "env", "sys", "run", "ffi"),
    errors: () => ({}),
  },
  "net for one host": {
    flags: (world) => [...flagsWithout(world, "net"), `--allow-net=${world.redirector}`],
    errors: ({ server }) => ({ ...forAll(own)(), redirect: new RegExp(`--allow-net=${server}$`) }),
  },
  "net but for the name": {
    flags: (world) => [...flagsWithout(world), "--deny-net=files.example"],
    errors: () => ({ proxy: own, socks5h: own, dns: own, doh: own, resolve: own }),
  },
  "net but for the address of the server": {
    flags: (world) => [...flagsWithout(world), `--deny-net=${world.server}`],
    errors: () => ({
      ...{ direct: own, redirect: own, localAddress: own, proxy: own, dns: own, doh: own, resolve: own },
    }),
  },
  "net but for datagrams": {
    flags: (world) => [...flagsWithout(world), "--deny-net=0.0.0.0"],
    errors: () => ({ dns: own }),
  },
};

for (const [name, { flags, errors }] of Object.entries(CASES)) {
  test(
    `105 on a terminal, ${name}: no prompt, and a missing permission is an error that names it`,
    {
      timeout: 60_000,
      skip: ON_DENO.skip || WITH_OPENSSL.skip || (!existsSync(SCRIPT) && "there is no script"),
    },
    () =>
      withWays(async (world) => {
        const args = ["run", "--no-check", ...flags(world), CHILD, world.dir, JSON.stringify(world.ways)];
        const words = [process.execPath, ...args].map((word) => `'${word}'`);
        await using child = new Child(SCRIPT, ["-qec", words.join(" "), "/dev/null"], {
          isProgram: true,
          maxLifetimeMs: 30_000,
        });
        const { status, stdout } = await child.ended;
        assert.doesNotMatch(stdout, /Allow\?/);
        assert.equal(status, 0, stdout);
        const ends: [Way, string][] = stdout.trim().split("\r\n").map((line) => JSON.parse(line));
        assert.deepEqual(ends.map(([way]) => way), WAYS);
        const expected = errors(world);
        for (const [way, message] of ends) assert.match(message, expected[way] ?? /^$/, way);
      }),
  );
}
