import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers";
import { runCli } from "../../src/cli/main.ts";
import { DownloadError, HttpStatusError } from "../../src/errors.ts";
import { OptionTypeError } from "../../src/option_error.ts";
import { FakeDownloader, FakeHost, resolved, snapshot } from "./fakes.ts";
import { settle } from "../helpers/doubles/virtual_clock.ts";

const A = "https://user:pw@example.com/a.iso?token=1";
const B = "https://example.com/b.iso";

const networkError = new DownloadError(
  "network",
  "Cannot fetch a.iso: the connection was reset; try again",
);

async function run(argv: string[], onDownload?: FakeDownloader["onDownload"], host = new FakeHost()) {
  const downloader = new FakeDownloader(onDownload);
  const status = await runCli(argv, host, downloader.create);
  assert.equal(host.listeners, 0, "signals are listened to after the end");
  return { status, host, downloader };
}

const jsonLines = (text: string) => text.trimEnd().split("\n").map((line) => JSON.parse(line));

test("runCli() shows help and version on standard output", async () => {
  for (
    const [argv, start] of [[["--help"], "bytehaul 0.1.0 fetches"], [["-V"], "bytehaul 0.1.0\n"]] as const
  ) {
    const { status, host, downloader } = await run([...argv]);
    assert.equal(status, 0);
    assert.ok(host.stdout.startsWith(start));
    assert.equal(host.stderr, "");
    assert.equal(downloader.specs.length, 0);
  }
});

test("runCli() refuses wrong usage with one line and starts nothing", async () => {
  const wrong = [
    ["--conections", "3", B],
    [],
    [B, "not a url"],
    [B, "ftp://example.com/x"],
    ["--checksum", "sha256:abc", B],
    ["-x", "0", B],
  ];
  for (const argv of wrong) {
    const { status, host, downloader } = await run(argv);
    assert.equal(status, 2, argv.join(" "));
    assert.match(host.stderr, /^bytehaul: Cannot [^\n]+\n$/);
    assert.equal(host.stdout, "");
    assert.equal(downloader.specs.length, 0);
  }
});

test("runCli() passes the options on", async () => {
  const { status, downloader } = await run(["-j2", "-l", "1k", "-x8", "-d", "dir", A, B]);
  assert.equal(status, 0);
  const { logger, ...options } = downloader.options;
  assert.equal(typeof logger, "function");
  assert.deepEqual(options, { maxConcurrentDownloads: 2, maxDownloadSpeed: 1024, uniqueOutputs: true });
  assert.deepEqual(downloader.resolved, [
    resolved({ maxConnections: 8, outputDir: "dir", url: A }),
    resolved({ maxConnections: 8, outputDir: "dir", url: B }),
  ]);
  assert.equal(downloader.closes, 1);
});

test("runCli() tells of a finished file in one line on standard error", async () => {
  const { host } = await run([B], (handle) => handle.finish({ path: "out/b\x1b.iso" }));
  assert.equal(host.stderr, "saved out/b\\u{1b}.iso (100 MiB, 10.0 MiB/s)\n");
  assert.equal(host.stdout, "");
});

test("runCli() tells what was and was not verified", async () => {
  const sum = await run(
    [B],
    (handle) => handle.finish({ checksum: "sha256:ab", elapsedMs: 0, fetchedBytes: 0 }),
  );
  assert.equal(sum.host.stderr, "saved out/disk.iso (100 MiB, 0 B/s, sha256 matches)\n");
  for (
    const [checksumSource, shown] of [
      ["checksum", "sha256 matches"],
      ["checksumFile", "sha256 matches (checksum file)"],
      ["repr-digest", "sha256 matches (repr-digest)"],
    ] as const
  ) {
    const { host } = await run([B], (handle) => handle.finish({ checksum: "sha256:ab", checksumSource }));
    assert.equal(host.stderr, `saved out/disk.iso (100 MiB, 10.0 MiB/s, ${shown})\n`);
  }
  const none = await run([B], (handle) => handle.finish({ lengthVerified: false }));
  assert.match(none.host.stderr, /, the server sent no size to compare with\)\n$/);
});

test("runCli() goes on with the others when one download fails", async () => {
  const { status, host, downloader } = await run(
    [A, B],
    (handle, index) => index === 0 ? handle.fail(networkError) : handle.finish({ path: "out/b.iso" }),
  );
  assert.equal(status, 1);
  assert.equal(downloader.closes, 1);
  assert.match(
    host.stderr,
    /^bytehaul: https:\/\/example\.com\/a\.iso: Cannot fetch a\.iso: the connection was reset; try again$/m,
  );
  assert.match(host.stderr, /^saved out\/b\.iso [^\n]+\nbytehaul: 1 of 2 files saved\n$/m);
});

test("runCli() exits with 2 when an option turns out wrong only later", async () => {
  const { status, host } = await run(
    [B],
    (handle) => handle.fail(new TypeError("Cannot write dir\x1b[2J: it is a directory")),
  );
  assert.equal(status, 2);
  assert.equal(host.stderr, "bytehaul: Cannot write dir\\u{1b}[2J: it is a directory\n");
});

test("runCli() says nothing but errors with --quiet, on a terminal too", async () => {
  const { host } = await run(["-q", A, B], (handle, index) => {
    if (index === 0) handle.finish();
    else handle.fail(networkError);
  }, new FakeHost(true));
  assert.match(host.stderr, /^bytehaul: https:\/\/example\.com\/b\.iso: [^\n]+\n$/);
});

test("runCli() shows warnings, and with --verbose all messages", async () => {
  const outcome = async (...flags: string[]) => {
    const downloader = new FakeDownloader((handle) => {
      for (const level of ["debug", "info", "warn"] as const) {
        downloader.options.logger?.(level, `${level} text`);
      }
      handle.finish();
    });
    const host = new FakeHost();
    await runCli([...flags, B], host, downloader.create);
    return host.stderr.split("\n").filter((line) => line.startsWith("bytehaul:"));
  };
  assert.deepEqual(await outcome(), ["bytehaul: warning: warn text"]);
  assert.deepEqual(await outcome("--json"), ["bytehaul: warning: warn text"]);
  assert.deepEqual(await outcome("-q"), []);
  assert.deepEqual(await outcome("-v"), [
    "bytehaul: debug: debug text",
    "bytehaul: info: info text",
    "bytehaul: warning: warn text",
  ]);
});

test("runCli() draws progress on a terminal and removes it in the end", async () => {
  const host = new FakeHost(true);
  await run([B], (handle) => setImmediate(() => handle.finish()), host);
  assert.match(host.stderr, /b\.iso {2}\[=+>? *\]/);
  assert.ok(host.stderr.endsWith("\r\x1b[1A\x1b[Jsaved out/disk.iso (100 MiB, 10.0 MiB/s)\n"));
});

test("runCli() writes JSON lines, without secrets", async () => {
  const { status, host } = await run(["--json", A, B], (handle, index) => {
    if (index === 0) handle.finish();
    else queueMicrotask(() => handle.fail(networkError));
  });
  assert.equal(status, 1);
  assert.match(host.stderr, /^bytehaul: https:\/\/example\.com\/b\.iso: Cannot fetch [^\n]+\n$/);
  assert.doesNotMatch(host.stdout, /token|pw/);
  const lines = jsonLines(host.stdout);
  const first = { url: "https://example.com/a.iso", index: 0 };
  const second = { url: "https://example.com/b.iso", index: 1 };
  assert.deepEqual(lines.find(({ type }) => type === "result"), {
    type: "result",
    ...first,
    path: "out/disk.iso",
    size: 104857600,
    fetchedBytes: 104857600,
    resumedBytes: 0,
    lengthVerified: true,
    elapsedMs: 10000,
  });
  assert.deepEqual(lines.find(({ type }) => type === "error"), {
    type: "error",
    ...second,
    code: "network",
    message: networkError.message,
    retryable: false,
    path: "out/b.iso",
  });
  const { retry: _none, ...shown } = snapshot({ path: "out/b.iso" });
  assert.deepEqual(
    lines.find(({ type, index, state }) => type === "progress" && index === 1 && state === "downloading"),
    { type: "progress", ...second, ...shown },
  );
  for (const index of [0, 1]) {
    const types = lines.filter((line) => line.index === index).map(({ type }) => type);
    assert.deepEqual(types.at(-1), ["result", "error"][index], "the outcome comes last");
  }
});

test("runCli() writes log lines with --json --verbose and no progress with --json --quiet", async () => {
  const downloader = new FakeDownloader((handle) => {
    downloader.options.logger?.("info", "again");
    handle.finish();
  });
  const host = new FakeHost();
  await runCli(["--json", "-v", B], host, downloader.create);
  assert.deepEqual(jsonLines(host.stdout)[0], { type: "log", level: "info", message: "again" });
  assert.equal(host.stderr, "");
  const quiet = await run(["--json", "-q", B]);
  assert.deepEqual(jsonLines(quiet.host.stdout).map(({ type }) => type), ["result"]);
});

for (
  const [argv, message] of [
    [["--json", "--nonsense", B], "Cannot use --nonsense: there is no such flag; see bytehaul --help"],
    [["--checksum", "crc9:00", B, "--json"], /^Cannot use --checksum "crc9:00": /],
    [["verify", "--json"], /^Cannot verify without a FILE/],
    [["verify", "--json", "--checksum", "md5:00", "a"], /^Cannot use --checksum "md5:00": /],
  ] as const
) {
  test(`runCli() reports wrong usage to a program as well: ${argv.join(" ")}`, async () => {
    const { status, host } = await run([...argv]);
    assert.equal(status, 2);
    const [{ message: text, ...line }, ...more] = jsonLines(host.stdout) as [Record<string, unknown>];
    assert.deepEqual([line, more], [{ type: "error", code: "usage", retryable: false }, []]);
    if (typeof message === "string") assert.equal(text, message);
    else assert.match(String(text), message);
    assert.equal(host.stderr, `bytehaul: ${text}\n`);
  });
}

test("runCli() writes nothing to standard output for wrong usage without --json", async () => {
  for (const argv of [["--nonsense"], ["--output", "--json", B], ["--", "--json"]]) {
    const { status, host } = await run(argv);
    assert.deepEqual([status, host.stdout], [2, ""]);
  }
});

test("runCli() pauses at the first signal, closes, and tells how to go on", async () => {
  const host = new FakeHost();
  const { status, downloader } = await run(["-x8", "https://example.com/a.iso", B], (handle, index) => {
    if (index === 0) handle.finish();
    else setImmediate(() => host.signal());
  }, host);
  assert.equal(status, 130);
  assert.deepEqual(host.exits, []);
  assert.equal(downloader.closes, 1);
  assert.deepEqual(host.stderr.split("\n").slice(1), [
    "bytehaul: interrupted; 50.0/100 MiB saved in out/b.iso.part and out/b.iso.bytehaul",
    `bytehaul: resume with: bytehaul -x8 ${B}`,
    "",
  ]);
});

test("runCli() exits immediately at a second signal that is no echo of the first", async () => {
  const host = new FakeHost();
  const downloader = new FakeDownloader(() => {});
  const closed = Promise.withResolvers<void>();
  downloader.close = () => closed.promise;
  const ended = runCli([B], host, downloader.create);
  while (host.listeners === 0) await settle();
  host.signal();
  for (const ms of [0, 1, 499]) {
    await host.clock.advance(ms);
    host.signal();
  }
  assert.deepEqual(host.exits, []);
  await host.clock.advance(1);
  host.signal();
  assert.deepEqual(host.exits, [130]);
  assert.equal(downloader.handles[0]?.pauses, 1);
  closed.resolve();
  assert.equal(await ended, 130);
});

test("runCli() is done when everything finished in spite of a signal", async () => {
  const host = new FakeHost();
  const { status } = await run([B], (handle) => {
    handle.finish();
    queueMicrotask(() => host.signal());
  }, host);
  assert.equal(status, 0);
});

test("runCli() tells how much of a file came from an earlier run", async () => {
  const { host } = await run(
    [B],
    (handle) => handle.finish({ path: "k.bin", resumedBytes: 50 * 2 ** 20, fetchedBytes: 50 * 2 ** 20 }),
  );
  assert.equal(host.stderr, "saved k.bin (100 MiB, 50.0 MiB of it from an earlier run, 5.00 MiB/s)\n");
});

test("runCli() counts the tries of what might have passed, and of nothing else", async () => {
  const message = async (retryable: boolean, ...argv: string[]) => {
    const error = new HttpStatusError(503, "Cannot fetch the file: the server answered 503", { retryable });
    return (await run([...argv, B], (handle) => handle.fail(error))).host.stderr;
  };
  assert.equal(
    await message(true, "--retries", "2"),
    "bytehaul: Cannot fetch the file: the server answered 503 (3 tries)\n",
  );
  assert.match(await message(true), /503 \(6 tries\)\n$/);
  for (const argv of [["--retries", "0"], ["--max-retry-time", "9"]]) {
    assert.match(await message(true, ...argv), /answered 503\n$/);
  }
  assert.match(await message(false), /answered 503\n$/);
});

test("runCli() speaks of flags, before and after it has begun", async () => {
  const late = await run(
    ["-o", "x", B],
    (handle) =>
      handle.fail(
        new OptionTypeError({
          ...{ option: "outputPath", problem: "it is a directory", value: "x" },
          remedy: { options: ["outputDir"], how: "use outputDir" },
        }),
      ),
  );
  assert.equal(late.status, 2);
  assert.equal(late.host.stderr, 'bytehaul: Cannot use --output "x": it is a directory; use --dir\n');
  const early = await run(["--checksum", "crc9:00", B]);
  assert.match(early.host.stderr, /^bytehaul: Cannot use --checksum "crc9:00": /);
});

test("runCli() names the file of what is no certificate, no cookie or no netrc file", async () => {
  const host = new FakeHost();
  Object.assign(host.files, { "ca.pem": "hunter2", "jar": "hunter2\n", "rc": 'machine h password "hunter2' });
  const ca = await run(["--cacert", "ca.pem", B], undefined, host);
  assert.equal(ca.status, 2);
  assert.match(host.stderr, /^bytehaul: Cannot use --cacert "ca\.pem": it is not a certificate; [^\n]+\n$/);
  host.stderr = "";
  const jar = await run(["--cookie", "jar", B], undefined, host);
  assert.equal(jar.status, 2);
  assert.match(host.stderr, /^bytehaul: Cannot use --cookie "jar": line 1 [^\n]+\n$/);
  host.stderr = "";
  const netrc = await run(["--netrc-file", "rc", B], undefined, host);
  assert.equal(netrc.status, 2);
  assert.match(
    host.stderr,
    /^bytehaul: Cannot use --netrc-file "rc": in line 1 a quotation mark is not closed\n$/,
  );
  assert.doesNotMatch(host.stderr, /hunter2/);
});

test("runCli() leaves it to the library to warn of --insecure", async () => {
  const { host, downloader } = await run(["--insecure", B]);
  assert.match(host.stderr, /^saved /);
  assert.deepEqual(downloader.options.tls, { insecure: true });
});

test("runCli() says so in one line when standard output fails", async () => {
  for (const [argv, status] of [[["--help"], 1], [["--json", B], 1], [["--nonsense"], 2]] as const) {
    const host = new FakeHost();
    host.lost = "no space left";
    assert.equal((await run([...argv], undefined, host)).status, status);
    assert.ok(host.stderr.endsWith("bytehaul: Cannot write to standard output: no space left\n"));
  }
});

test("runCli() tells in JSON what the server answered", async () => {
  const error = new HttpStatusError(503, "Cannot fetch", { retryable: true });
  const { host } = await run(["--json", B], (handle) => {
    handle.snapshot = snapshot({ path: undefined, elapsedMs: 12.34 });
    setImmediate(() => handle.fail(error));
  });
  const lines = jsonLines(host.stdout);
  assert.deepEqual(lines.at(-1), {
    type: "error",
    url: B,
    index: 0,
    code: "http_status",
    message: "Cannot fetch (6 tries)",
    retryable: true,
    status: 503,
  });
  assert.equal(lines[0].elapsedMs, 12);
});

test("runCli() tells in JSON which retry is waited for, in whole milliseconds", async () => {
  const { host } = await run(["--json", B], (handle) => {
    const retry = { atMs: 1_700_000_000_123.4, attempt: 2, reason: "the server answered 503" };
    handle.snapshot = snapshot({ connections: 0, retry });
    setImmediate(() => handle.finish());
  });
  const [first] = jsonLines(host.stdout);
  assert.deepEqual(first.retry, { atMs: 1_700_000_000_123, attempt: 2, reason: "the server answered 503" });
});

test("runCli() draws in each row which retry it waits for, and counts down", async () => {
  const host = new FakeHost(true);
  const downloader = new FakeDownloader((handle, index) => {
    const { path } = handle.snapshot;
    const atMs = host.clock.wallMs() + 9000;
    const retries = [{ atMs, attempt: 2, reason: "the server answered 503" }, undefined];
    handle.snapshot = snapshot({ path, retry: retries[index] });
  });
  const ended = runCli([A, B], host, downloader.create);
  while (downloader.handles.length < 2) await settle();
  const barAndRest = /([ab])\.iso {2}\[=+> *\] +50% +(\S.*?)\p{Cc}/gu;
  const drawn = () => Array.from(host.stderr.matchAll(barAndRest), ([, name, rest]) => `${name} ${rest}`);
  const busy = "50.0/100 MiB  10.0 MiB/s     0:05    x8";
  assert.deepEqual(drawn(), ["a retry in 9 s: the server answered 503", `b ${busy}`]);
  for (const [ms, shown] of [[1000, "retry in 8 s: the server answered 503"], [8000, busy]] as const) {
    await host.clock.advance(ms);
    assert.deepEqual(drawn().slice(-2), [`a ${shown}`, `b ${busy}`]);
  }
  for (const handle of downloader.handles) handle.finish();
  assert.equal(await ended, 0);
});
