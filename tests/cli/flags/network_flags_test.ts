// The flags of credentials and of the network, in a process of its own against a real server.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import process from "node:process";
import { test } from "node:test";
import { runBytehaul } from "../../helpers/child.ts";
import { assertFileIs } from "../../../testing/content.ts";
import { FaultServer, type RecordedRequest } from "../../../testing/mod.ts";
import { temporaryDirectory } from "../../helpers/temp.ts";

const SEED = 22;
const SIZE = 200_000;
const IN_A_CHILD = { timeout: 60_000 };
const basic = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;

function serve(respond?: (request: RecordedRequest) => { status: number } | undefined): Promise<FaultServer> {
  return FaultServer.start({ size: SIZE, seed: SEED, ...(respond === undefined ? {} : { respond }) });
}

test(
  "credentials come from the command line, a file, the environment and a netrc file",
  IN_A_CHILD,
  async () => {
    await using dir = await temporaryDirectory();
    await writeFile(dir.join("token"), "tok-file\n");
    await writeFile(dir.join(".netrc"), "machine 127.0.0.1 login net password rc", { mode: 0o600 });
    const env = { BYTEHAUL_PASSWORD: "from-env", TOKEN: "tok-env", HOME: dir.path };
    const cases: [args: string[], field: string, value: string][] = [
      [["-u", "me:p:w"], "authorization", basic("me:p:w")],
      [["-u", "me"], "authorization", basic("me:from-env")],
      [["--bearer", "@token"], "authorization", "Bearer tok-file"],
      [["--bearer", "@env:TOKEN"], "authorization", "Bearer tok-env"],
      [["--netrc"], "authorization", basic("net:rc")],
      [["--cookie", "a=1; b=2"], "cookie", "a=1; b=2"],
    ];
    for (const [index, [args, field, value]] of cases.entries()) {
      await using server = await serve();
      const out = `out${index}`;
      const { status, stdout, stderr } = await runBytehaul(["--json", "-v", ...args, "-o", out, server.url], {
        cwd: dir.path,
        env,
      });
      assert.equal(status, 0, stderr);
      assert.ok(server.requests.length > 0);
      for (const { headers } of server.requests) assert.equal(headers[field], value, args.join(" "));
      for (const secret of ["p:w", "from-env", "tok-", "rc", value.split(" ").at(-1)!]) {
        assert.ok(!(stdout + stderr).replaceAll(server.url, "").includes(secret), `${args} shows ${secret}`);
      }
      await assertFileIs(dir.join(out), SEED, SIZE);
    }
  },
);

test("a user in the URL goes before the one of the netrc file", IN_A_CHILD, async () => {
  await using dir = await temporaryDirectory();
  await using server = await serve();
  await writeFile(dir.join("n"), "default login net password rc", { mode: 0o600 });
  const url = server.url.replace("//", "//me:pw@");
  const { status, stderr } = await runBytehaul(["--netrc-file", "n", url], { cwd: dir.path });
  assert.equal(status, 0, stderr);
  assert.equal(server.requests[0]?.headers.authorization, basic("me:pw"));
});

test("a cookie file is read", IN_A_CHILD, async () => {
  await using dir = await temporaryDirectory();
  await using server = await serve();
  await writeFile(dir.join("jar"), "# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tsid\tabc\n");
  const { status, stderr } = await runBytehaul(["--cookie", "jar", server.url], { cwd: dir.path });
  assert.equal(status, 0, stderr);
  assert.equal(server.requests[0]?.headers.cookie, "sid=abc");
});

test("--resolve reaches a host that no server knows", IN_A_CHILD, async () => {
  await using dir = await temporaryDirectory();
  await using server = await serve();
  const { port } = new URL(server.url);
  const args = ["--resolve", `nowhere.test:${port}:127.0.0.1`, `http://nowhere.test:${port}/f`];
  const { status, stderr } = await runBytehaul(args, { cwd: dir.path });
  assert.equal(status, 0, stderr);
  assert.equal(server.requests[0]?.headers.host, `nowhere.test:${port}`);
  await assertFileIs(dir.join("f"), SEED, SIZE);
});

test("--no-proxy '*' keeps even a broken proxy of the environment out of the way", IN_A_CHILD, async () => {
  await using dir = await temporaryDirectory();
  await using server = await serve();
  const env = { http_proxy: "gopher://x", all_proxy: "", no_proxy: "" };
  const { status, stderr } = await runBytehaul(["--no-proxy", "*", server.url], { cwd: dir.path, env });
  assert.equal(status, 0, stderr);
});

const needsShell = {
  ...IN_A_CHILD,
  skip: process.platform === "win32" && "written for the shell of Unix",
};

test("--refresh-cmd supplies a URL and headers when the URL has expired", needsShell, async () => {
  await using dir = await temporaryDirectory();
  await using server = await serve(({ path }) => path.endsWith("old") ? { status: 403 } : undefined);
  const { origin } = new URL(server.url);
  const command = `echo "$BYTEHAUL_STATUS" > status; printf '%s/new?sig=hunter2\\nX-Key: k1\\n' ${origin}`;
  const args = ["-v", "-o", "f", "--refresh-cmd", command, `${origin}/old`];
  const { status, stderr } = await runBytehaul(args, { cwd: dir.path });
  assert.equal(status, 0, stderr);
  await assertFileIs(dir.join("f"), SEED, SIZE);
  assert.doesNotMatch(stderr, /hunter2|k1/);
  const last = server.requests.at(-1);
  assert.deepEqual([last?.path, last?.headers["x-key"]], ["/new?sig=hunter2", "k1"]);
  assert.equal(await readFile(dir.join("status"), "utf8"), "403\n");
});

test("a --refresh-cmd that fails or prints nothing ends the download and says so", needsShell, async () => {
  await using dir = await temporaryDirectory();
  await using server = await serve(() => ({ status: 410 }));
  const cases = [["exit 7", "it ended with status 7"], [
    "true",
    "it printed nothing; expected a URL",
  ]] as const;
  for (const [command, reason] of cases) {
    const { status, stderr } = await runBytehaul(["--refresh-cmd", command, server.url], { cwd: dir.path });
    assert.equal(status, 1);
    assert.match(stderr, /^bytehaul: Cannot fetch [^\n]* 410[^\n]*, and --refresh-cmd failed: [^\n]+\n$/);
    assert.ok(stderr.includes(reason), stderr);
  }
});

interface BadInput {
  readonly args: readonly string[];
  /** What the message says. */
  readonly says: RegExp;
}

const BAD_INPUT: Readonly<Record<string, BadInput>> = {
  "a proxy of an unknown kind": {
    args: ["--proxy", "ftp://u:secret@h:1"],
    says: /--proxy "ftp:\/\/\*\*\*@h:1": there is no kind of proxy "ftp"/,
  },
  "a proxy without a host": { args: ["--proxy", "http://"], says: /expected a host/ },
  "a DNS server that is no address": {
    args: ["--dns", "dns.test"],
    says: /--dns "dns\.test": expected an IP address/,
  },
  "a DoH server without TLS": {
    args: ["--doh", "http://d.test/secret"],
    says: /--doh: its scheme is "http:"; expected a URL such as https:/,
  },
  "an address that is none": { args: ["--interface", "eth0"], says: /--interface "eth0": expected an IP/ },
  "an address for no port": { args: ["--resolve", "h.test:1.2.3.4"], says: /--resolve "h\.test:1\.2\.3\.4"/ },
  "an authority that is not there": {
    args: ["--cacert", "none.pem"],
    says: /--cacert "none\.pem": it does not/,
  },
  "an authority that is a directory": {
    args: ["--cacert", "dir"],
    says: /--cacert "dir": it is a directory/,
  },
  "an authority that is none": {
    args: ["--cacert", "text"],
    says: /--cacert "text": it is not a certificate/,
  },
  "a key without a certificate": { args: ["--key", "text"], says: /--key "text" without --cert/ },
  "a certificate that is none": {
    args: ["--cert", "text", "--key", "text"],
    says: /--cert "text": it is not a certificate/,
  },
  "a cookie file that is none": { args: ["--cookie", "text"], says: /--cookie "text": line 1/ },
  "a netrc file that others may read": {
    args: ["--netrc-file", "text"],
    says: /--netrc-file "text": .*chmod 600/,
  },
  "a header with a line break": { args: ["-H", "A: secret\r\nB: 2"], says: /-H with this value/ },
  "a token in a file that is not there": {
    args: ["--bearer", "@none"],
    says: /--bearer "none": it does not/,
  },
  "a user without a password": { args: ["-u", "me"], says: /--user without a password/ },
  "a directory that is a file": {
    args: ["-d", "text"],
    says: /^bytehaul: Cannot use --dir "text": it is not/,
  },
};

for (const [name, { args, says }] of Object.entries(BAD_INPUT)) {
  const needsModes = process.platform === "win32" && name.startsWith("a netrc") &&
    "Windows has no such modes";
  test(`bad input: ${name}`, { ...IN_A_CHILD, skip: needsModes }, async () => {
    await using dir = await temporaryDirectory();
    await using server = await serve();
    await mkdir(dir.join("dir"));
    await writeFile(dir.join("text"), "secret\n");
    await chmod(dir.join("text"), 0o644);
    const { status, stdout, stderr } = await runBytehaul([...args, server.url], { cwd: dir.path });
    assert.deepEqual([status, stdout], [2, ""], stderr);
    assert.match(stderr, /^bytehaul: Cannot [^\n]+\n$/);
    assert.match(stderr, says);
    assert.doesNotMatch(stderr, /secret/);
    assert.equal(server.connections, 0, "the server was asked");
    assert.deepEqual(await dir.list(), ["dir", "text"]);
  });
}
