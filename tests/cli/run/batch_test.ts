import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers";
import { runCli } from "../../../src/cli/main.ts";
import { DownloadError } from "../../../src/errors.ts";
import { FakeDownloader, type FakeHandle, FakeHost, resolved, snapshot, utf8 } from "../fakes.ts";

/** A host whose list comes in parts, and counts how many were asked for. */
class ListHost extends FakeHost {
  chunksRead = 0;
  isListClosed = false;

  readonly chunks: readonly (string | Error)[];

  constructor(chunks: readonly (string | Error)[], isTerminal = false) {
    super(isTerminal);
    this.chunks = chunks;
  }

  override async *readChunks(): AsyncGenerator<Uint8Array> {
    try {
      for (const chunk of this.chunks) {
        this.chunksRead++;
        if (chunk instanceof Error) throw chunk;
        yield utf8(chunk);
      }
    } finally {
      this.isListClosed = true;
    }
  }
}

async function run(
  argv: string[],
  host: FakeHost,
  onDownload?: FakeDownloader["onDownload"],
): Promise<{ status: number; downloader: FakeDownloader }> {
  const downloader = new FakeDownloader(onDownload);
  const status = await runCli(argv, host, downloader.create);
  assert.equal(host.listeners, 0);
  return { status, downloader };
}

/** Downloads that end once so many are under way, and would never end if fewer were allowed. */
function together(count: number) {
  const handles: FakeHandle[] = [];
  const group = {
    most: 0,
    add: (handle: FakeHandle) => {
      group.most = Math.max(group.most, handles.push(handle));
      // Not at once, so that one too many would be seen.
      if (handles.length === count) setImmediate(() => handles.splice(0).forEach((it) => it.finish()));
    },
  };
  return group;
}

const urlsOf = ({ specs }: FakeDownloader) => specs.map(({ url }) => url);
const jsonLines = (text: string) => text.trimEnd().split("\n").map((line) => JSON.parse(line));

test("-i fetches what the list names, with the flags and the options of each entry", async () => {
  const host = new ListHost([
    "http://a/1\n out=one\n header=B: 9\n header=C: 3\nhttp://a/2\n dir=sub\n max-connection-per-server=2\n",
  ]);
  const { status, downloader } = await run(
    ["-d", "d", "-x8", "-H", "A: 1", "-H", "b: 2", "-i", "list", "http://a/0"],
    host,
  );
  assert.equal(status, 0);
  const headers: [string, string][] = [["A", "1"], ["b", "2"]];
  assert.deepEqual(downloader.resolved, [
    resolved({ outputDir: "d", maxConnections: 8, headers, url: "http://a/0" }),
    resolved({
      ...{ outputDir: "d", maxConnections: 8, outputPath: "one" },
      ...{ headers: [["A", "1"], ["B", "9"], ["C", "3"]], url: "http://a/1" },
    }),
    resolved({ outputDir: "sub", maxConnections: 2, headers, url: "http://a/2" }),
  ]);
  assert.equal(downloader.closes, 1);
});

test("-i - reads standard input, which nothing else may have", async () => {
  const host = new FakeHost();
  host.stdin = "http://a/1\nhttp://a/2";
  const { downloader } = await run(["-i", "-"], host);
  assert.deepEqual(urlsOf(downloader), ["http://a/1", "http://a/2"]);
  host.stdin = "token";
  const { status } = await run(["-i", "-", "--bearer", "@-"], host);
  assert.equal(status, 2);
  assert.match(host.stderr, /Cannot use --input-file -: standard input was read for --bearer\n$/);
});

test("what is wrong with the start of a list is told before anything is fetched", async () => {
  const cases: [list: string | Error, message: RegExp][] = [
    ["http://a/1\nnot a url\n", /^bytehaul: list:2: Cannot use the URL "not a url": /],
    ["http://a/1\n\nhttp://a/2\n otu=x", /^bytehaul: list:4: Cannot use the option "otu": /],
    ["http://a/1\tftp://b/1", /^bytehaul: list:1: Cannot use a URL with the scheme "ftp:"/],
    ["example.com/f?k=hunter2", /^bytehaul: list:1: .* did you mean https:\/\/example.com\/f\?$/m],
    ["http://a/1\n checksum=sha-256=00", /^bytehaul: list:1: Cannot use --checksum "sha256:00": /],
    [" out=a\n", /^bytehaul: list:1: Cannot use the line: it starts with a blank/],
    ["# nothing\n", /^bytehaul: Cannot use --input-file "list": it names no URL/],
    [new Error("it does not exist"), /^bytehaul: Cannot use --input-file "list": it does not exist/],
  ];
  for (const [list, message] of cases) {
    const host = new ListHost([list]);
    const { status, downloader } = await run(["-i", "list"], host);
    assert.equal(status, 2, String(list));
    assert.match(host.stderr, message);
    assert.doesNotMatch(host.stderr, /hunter2/);
    assert.equal(host.stderr.split("\n").length, 2);
    assert.deepEqual([downloader.specs.length, host.isListClosed], [0, true]);
  }
});

test("what is wrong later on fails its entry, and the others are fetched", async () => {
  const chunks = [
    "http://a/1\nhttp://a/2\n",
    "http://a/3\n",
    "nonsense\nhttp://a/5\n teapot=1\n",
    "http://a/7",
  ];
  const host = new ListHost(chunks);
  const { status, downloader } = await run(["-q", "-i", "list"], host);
  assert.equal(status, 1);
  assert.deepEqual(urlsOf(downloader), ["http://a/1", "http://a/2", "http://a/3", "http://a/7"]);
  assert.deepEqual(host.stderr.split("\n").map((line) => line.slice(0, 35)).sort(), [
    "",
    "bytehaul: list:4: Cannot use the UR",
    "bytehaul: list:6: Cannot use the op",
  ]);
});

test("a list that ends in a failure of the disk is told of once", async () => {
  const host = new ListHost(["http://a/1\nhttp://a/2\n", "", new Error("input/output error")]);
  const { status, downloader } = await run(["-q", "-i", "list"], host);
  assert.equal(status, 1);
  assert.deepEqual(urlsOf(downloader), ["http://a/1"]);
  assert.equal(host.stderr, 'bytehaul: Cannot read the rest of "list": input/output error\n');
});

test("of 200,000 lines no more are under way than may run, and no more are read than are needed", async () => {
  const perChunk = 1000;
  const chunks = Array.from(
    { length: 200 },
    (_, chunk) =>
      Array.from({ length: perChunk }, (_, line) => `http://a/${chunk * perChunk + line}\n`).join(""),
  );
  const host = new ListHost(chunks);
  let furthestAhead = 0;
  const sixteen = together(16);
  const { status, downloader } = await run(["-q", "-j", "16", "-i", "list"], host, (handle, index) => {
    furthestAhead = Math.max(furthestAhead, host.chunksRead * perChunk - index);
    sixteen.add(handle);
  });
  assert.equal(status, 0);
  assert.equal(downloader.specs.length, 200_000);
  assert.equal(sixteen.most, 16);
  assert.ok(furthestAhead <= 3 * perChunk, `${furthestAhead} lines ahead`);
  assert.equal(host.chunksRead, 200);
});

test("with --max-per-host more entries wait, so that other hosts are found", async () => {
  const list = Array.from({ length: 2004 }, (_, index) => `http://h${index % 2}/${index}\n`).join("");
  const host = new ListHost([list]);
  const all = together(1002);
  const argv = ["-q", "-j2", "--max-per-host", "1", "-i", "list"];
  const { downloader } = await run(argv, host, (handle) => all.add(handle));
  assert.equal(all.most, 1002);
  assert.equal(downloader.options.maxDownloadsPerHost, 1);
});

test("each line of --json has the number of its line, and that of a line that is wrong as well", async () => {
  const host = new ListHost([
    "# first\nhttp://a/1?key=1\n",
    "\n",
    "http://a/2\n",
    "",
    "wrong\n",
    "http://a/3\n",
  ]);
  const { status } = await run(["--json", "-i", "list", "http://a/0"], host);
  assert.equal(status, 1);
  const ends = jsonLines(host.stdout).filter(({ type }) => type !== "progress")
    .map(({ type, url, index, line, code }) => [type, url, index, line, code])
    .sort((a, b) => a[2] - b[2]);
  assert.deepEqual(ends, [
    ["result", "http://a/0", 0, undefined, undefined],
    ["result", "http://a/1", 1, 2, undefined],
    ["result", "http://a/2", 2, 4, undefined],
    ["error", undefined, 3, 5, "usage"],
    ["result", "http://a/3", 4, 6, undefined],
  ]);
});

test("the next URL of a line is tried, and --json tells which one it was", async () => {
  const host = new ListHost(["http://a/1\thttp://b/1\n"]);
  const { status, downloader } = await run(["--json", "-i", "list"], host, (handle, index) => {
    if (index === 1) handle.finish();
    else handle.fail(new DownloadError("connect", "Cannot connect"));
  });
  assert.equal(status, 0);
  assert.deepEqual(urlsOf(downloader), ["http://a/1", "http://b/1"]);
  const result = jsonLines(host.stdout).at(-1);
  assert.deepEqual([result.type, result.url, result.line], ["result", "http://b/1", 1]);
  assert.equal(
    host.stderr,
    "bytehaul: warning: list:1: http://a/1: Cannot connect; trying the next URL of the line\n",
  );
});

test("--skip-existing counts a file that is there as done, and nothing else that is in the way", async () => {
  const host = new ListHost(["http://a/there\nhttp://a/folder\nhttp://a/new\n"]);
  host.files["out/there"] = "";
  host.directories.push("out/folder");
  const inTheWay: FakeDownloader["onDownload"] = (handle, index) => {
    if (index < 2) handle.fail(new DownloadError("output_exists", "Cannot write: it exists already"));
    else handle.finish();
  };
  const { status } = await run(["--skip-existing", "-i", "list"], host, inTheWay);
  assert.equal(status, 1);
  assert.match(host.stderr, /^kept out\/there, which existed already$/m);
  assert.match(host.stderr, /^bytehaul: list:2: http:\/\/a\/folder: Cannot write: it exists already$/m);
  assert.match(host.stderr, /^bytehaul: 1 of 3 files saved, 1 existed already$/m);
  const json = new ListHost(["http://a/there\n"]);
  json.files["out/there"] = "";
  assert.equal((await run(["--json", "--skip-existing", "-i", "list"], json, inTheWay)).status, 0);
  assert.deepEqual(jsonLines(json.stdout).at(-1), {
    ...{ type: "skipped", url: "http://a/there", index: 0, line: 1, path: "out/there" },
  });
});

test("a signal saves what runs, reads no more, and tells which command goes on", async () => {
  const host = new ListHost(["http://a/1\nhttp://a/2\nhttp://a/3\nhttp://a/4\n"]);
  const { status, downloader } = await run(["-j2", "-i", "list"], host, (handle, index) => {
    if (index === 0) handle.finish();
    else if (index === 2) setImmediate(() => host.signal());
    else handle.snapshot = snapshot({ path: "out/2" });
  });
  assert.equal(status, 130);
  assert.equal(host.isListClosed, true);
  assert.deepEqual(urlsOf(downloader), ["http://a/1", "http://a/2", "http://a/3"]);
  assert.deepEqual(host.stderr.split("\n").slice(1), [
    "bytehaul: interrupted; 50.0/100 MiB saved in out/2.part and out/2.bytehaul",
    "bytehaul: interrupted; 50.0/100 MiB saved in out/3.part and out/3.bytehaul",
    "bytehaul: resume with: bytehaul --skip-existing -j2 -i list",
    "",
  ]);
});

test("a signal ends the wait for standard input that says nothing", async () => {
  const host = new FakeHost();
  host.readStdinChunks = async function* () {
    yield utf8("http://a/1\nhttp://a/2\n");
    await new Promise(() => {});
  };
  const { status } = await run(["-q", "-i", "-"], host, (handle) => {
    handle.finish();
    setImmediate(() => host.signal());
  });
  assert.equal(status, 130);
  assert.equal(
    host.stderr,
    "bytehaul: resume with: bytehaul --skip-existing -q -i - and the same list on standard input\n",
  );
});

test("the terminal shows those that run, and how many are done", async () => {
  const host = new ListHost(["http://a/1\nhttp://a/2\nhttp://a/3\n"], true);
  const downloads: FakeHandle[] = [];
  let last = 0;
  await run(["-j2", "-i", "list"], host, (handle, index) => {
    last = index;
    if (index === 0) handle.finish();
    else downloads.push(handle);
    if (index === 2) host.clock.advance(100).then(() => downloads.forEach((it) => it.finish()));
  });
  assert.equal(last, 2);
  assert.ok(host.stderr.includes("1 of 3 done, 20.0 MiB/s, 2 running\x1b"));
});

test("flags that belong to one file are refused with a list", async () => {
  for (
    const [argv, message] of [
      [["-o", "x"], /--output "x" with a list: it names one file/],
      [["--checksum", "md5:0"], /--checksum "md5:0" with a list/],
      [["--refresh-cmd", "x"], /--refresh-cmd with a list/],
      [["-i", "other"], /2 lists with --input-file: expected one/],
      [["--skip-existing", "--overwrite"], /--skip-existing together with --overwrite/],
    ] as const
  ) {
    const host = new ListHost(["http://a/1"]);
    assert.equal((await run([...argv, "-i", "list"], host)).status, 2);
    assert.match(host.stderr, message);
  }
});
