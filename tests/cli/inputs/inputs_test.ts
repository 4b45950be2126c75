import assert from "node:assert/strict";
import { test } from "node:test";
import { type DownloadCommand, parseArgs } from "../../../src/cli/flags/args.ts";
import { readInputs } from "../../../src/cli/inputs/inputs.ts";
import { UsageError } from "../../../src/cli/flags/usage_error.ts";
import { FakeHost } from "../fakes.ts";

const A = "https://a.test/f";
const B = "https://b.test/f";

async function complete(host: FakeHost, ...argv: string[]) {
  const command = parseArgs([...argv, ...(argv.includes(A) ? [] : [A])]) as DownloadCommand;
  const { specOptions, ...rest } = await readInputs(command, host);
  return { ...rest, specs: command.urls.map((url) => ({ ...specOptions, url })) };
}

async function specOf(host: FakeHost, ...argv: string[]) {
  const { url: _, maxConnections, ...spec } = (await complete(host, ...argv)).specs[0]!;
  assert.equal(maxConnections, "auto");
  return spec;
}

async function refusal(host: FakeHost, ...argv: string[]): Promise<string> {
  try {
    await complete(host, ...argv);
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error));
    assert.match(error.message, /^Cannot [^\n]+$/);
    assert.doesNotMatch(error.message, /hunter2/);
    return error.message;
  }
  assert.fail(`${argv.join(" ")} was accepted`);
}

function hostWith(files: Record<string, string>, variables: Record<string, string> = {}): FakeHost {
  const host = new FakeHost();
  Object.assign(host.files, files);
  Object.assign(host.variables, variables);
  return host;
}

test("readInputs() leaves a command without anything to read as it is", async () => {
  assert.deepEqual(await complete(new FakeHost(), "-x8", "-4"), {
    options: { enableIpv6: false },
    specs: [{ maxConnections: 8, url: A }],
    files: {},
  });
});

test("readInputs() takes secrets as they stand", async () => {
  const host = new FakeHost();
  assert.deepEqual(await specOf(host, "-u", "me:p:w"), { username: "me", password: "p:w" });
  assert.deepEqual(await specOf(host, "-u", "me:"), { username: "me", password: "" });
  assert.deepEqual(await specOf(host, "--bearer", "t"), { bearerToken: "t" });
  assert.deepEqual(await specOf(host, "-H", "A: 1", "-H", "B:x: y"), {
    headers: [["A", "1"], ["B", "x: y"]],
  });
});

test("readInputs() reads secrets from files, standard input and the environment", async () => {
  const host = hostWith({ "tok": "t1\r\n", "heads": "A: 1\r\n\nB: 2\n" }, { TOKEN: "t3" });
  host.stdin = "t2\n";
  assert.deepEqual(await specOf(host, "--bearer", "@tok"), { bearerToken: "t1" });
  assert.deepEqual(await specOf(host, "--bearer", "@-"), { bearerToken: "t2" });
  assert.deepEqual(await specOf(host, "--bearer=@env:TOKEN"), { bearerToken: "t3" });
  assert.deepEqual(await specOf(host, "-H@heads", "-H", "C: 3"), {
    headers: [["A", "1"], ["B", "2"], ["C", "3"]],
  });
  host.stdin = "me:pw";
  assert.deepEqual(await specOf(host, "-u", "@-"), { username: "me", password: "pw" });
  Object.assign(host.files, { p: "http://u:pw@h:1\n", q: "http://q:1", r: "socks5://r:1" });
  const { options } = await complete(host, "--proxy=@p", "--http-proxy=@q", "--https-proxy", "@r");
  assert.deepEqual(options, {
    allProxy: "http://u:pw@h:1",
    httpProxy: "http://q:1",
    httpsProxy: "socks5://r:1",
  });
});

test("readInputs() takes the password of a bare user from BYTEHAUL_PASSWORD", async () => {
  const host = hostWith({}, { BYTEHAUL_PASSWORD: "hunter2" });
  assert.deepEqual(await specOf(host, "-u", "me"), { username: "me", password: "hunter2" });
  assert.match(
    await refusal(new FakeHost(), "-u", "hunter2"),
    /--user without a password: .*BYTEHAUL_PASSWORD/,
  );
});

test("readInputs() says which flag and which place cannot be read", async () => {
  const host = hostWith({ empty: "\n", two: "hunter2\nhunter2", bad: "A: 1\nhunter2\n" });
  const cases: [argv: string[], ...parts: string[]][] = [
    [["--bearer", "@none"], '--bearer "none": it does not exist'],
    [["-H", "@none"], '--header "none": it does not exist'],
    [["--proxy", "@none"], '--proxy "none"'],
    [["-u", "@env:NONE"], "--user @env:NONE: it is not set"],
    [["--bearer", "@empty"], '--bearer "@empty": it is empty'],
    [["--bearer", "@two"], '--bearer "@two"', "several lines"],
    [["-H", "@bad"], '--header "@bad": line 2'],
    [["--cacert", "none"], '--cacert "none": it does not exist'],
    [["--cert", "none", "--key", "none"], '--cert "none"'],
    [["--cookie", "none"], '--cookie "none": it does not exist'],
    [["--cookie", "a=hunter2", "--cookie", "jar"], "--cookie for data and for a file"],
    [["--netrc-file", "none"], '--netrc-file "none": it does not exist'],
    [["--netrc"], "--netrc: HOME is not set"],
    [["-H", "@-", "-u", "@-"], "--user @-: standard input was read for --header"],
    [["--refresh-cmd", "hunter2"], "--refresh-cmd: Deno gives no access"],
  ];
  for (const [argv, ...parts] of cases) {
    const message = await refusal(host, ...argv);
    for (const part of parts) assert.ok(message.includes(part), `${message} lacks ${part}`);
  }
});

test("readInputs() refuses a directory that is a file", async () => {
  const host = hostWith({ afile: "" });
  host.directories.push("adir");
  assert.equal(await refusal(host, "-d", "afile"), 'Cannot use --dir "afile": it is not a directory');
  for (const dir of ["adir", "new"]) assert.deepEqual(await specOf(host, "-d", dir), { outputDir: dir });
});

test("readInputs() hands the netrc file on for every URL, whatever other credentials there are", async () => {
  const text = "machine a.test login a password 1\nmachine b.test login b password 2";
  const host = hostWith({ "/home/me/.netrc": text, n: text }, { HOME: "/home/me" });
  const { specs } = await complete(host, "--netrc", A, B);
  assert.deepEqual(specs, [A, B].map((url) => ({ maxConnections: "auto", netrc: text, url })));
  const credentials = { username: "me", password: "pw" };
  assert.deepEqual(await specOf(host, "--netrc-file=n", "-u", "me:pw"), { ...credentials, netrc: text });
  assert.deepEqual(await specOf(host, "--netrc-file=n", "--bearer=t"), { bearerToken: "t", netrc: text });
});

test("readInputs() refuses a netrc file that others may read", async () => {
  const host = hostWith({ n: "default login me password hunter2" });
  for (const mode of [0o640, 0o604, 0o620, 0o666]) {
    host.modes.n = mode;
    assert.match(await refusal(host, "--netrc-file", "n"), /--netrc-file "n": .*chmod 600/);
  }
  host.modes.n = 0o400;
  assert.deepEqual(await specOf(host, "--netrc-file", "n"), { netrc: host.files.n });
});

test("readInputs() sends cookies that are data and hands cookie files on", async () => {
  const host = hostWith({ jar: "# one", more: "# two" });
  assert.deepEqual(await specOf(host, "--cookie", "a=1;", "--cookie", "b=2; c=3"), {
    headers: [["Cookie", "a=1; b=2; c=3"]],
  });
  assert.deepEqual(await specOf(host, "--cookie", "jar", "--cookie", "more"), { cookies: "# one\n# two" });
});

test("readInputs() reads and names the files of TLS", async () => {
  const one = "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----";
  const two = one.replace("AA", "BB");
  const host = hostWith({ ca: `text\n${one}\n\n${two}\n`, none: "nothing", c: "cert", k: "key" });
  const { options, files } = await complete(host, "--cacert=ca", "--cert=c", "--key=k", "--insecure");
  assert.deepEqual(options, { tls: { ca: host.files.ca, cert: "cert", key: "key", insecure: true } });
  assert.deepEqual(files, { "tls.ca": '--cacert "ca"', "tls.cert": '--cert "c"', "tls.key": '--key "k"' });
  assert.deepEqual((await complete(host, "--cacert=none")).options, { tls: { ca: "nothing" } });
});

test("readInputs() makes a refresh of a command", async () => {
  const host = new FakeHost();
  host.shell = (command) => Promise.resolve({ status: 0, stdout: `https://new.test/${command}` });
  const { refresh } = await specOf(host, "--refresh-cmd", "sign");
  const fresh = await refresh?.({ status: 403, signal: new AbortController().signal });
  assert.equal(String(fresh?.url), "https://new.test/sign");
});
