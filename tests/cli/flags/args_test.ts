import assert from "node:assert/strict";
import { test } from "node:test";
import { type DownloadCommand, parseArgs } from "../../../src/cli/flags/args.ts";
import { emptyDraft } from "../../../src/cli/flags/draft.ts";
import { FLAGS } from "../../../src/cli/flags/flags.ts";
import { helpText } from "../../../src/cli/flags/help.ts";
import { UsageError } from "../../../src/cli/flags/usage_error.ts";
import { COMMAND_DEFAULTS } from "../../../src/options/defaults.ts";
import {
  resolveDefaults,
  resolveDownloaderOptions,
  resolveSpec,
} from "../../../src/options/resolve_options.ts";

const URL_A = "https://example.com/a";
const URL_B = "https://example.com/b";

function parse(...argv: string[]): DownloadCommand {
  const command = parseArgs(argv);
  assert.equal(command.kind, "download");
  return command as DownloadCommand;
}

function refusal(...argv: string[]): string {
  try {
    parseArgs(argv);
  } catch (error) {
    assert.ok(error instanceof UsageError && error instanceof TypeError);
    return error.message;
  }
  assert.fail(`${argv.join(" ")} was accepted`);
}

test("parseArgs() reads a bare URL", () => {
  assert.deepEqual(parse(URL_A), {
    kind: "download",
    urls: [URL_A],
    ...emptyDraft(),
  });
});

test("parseArgs() puts every flag where it belongs", () => {
  const argv =
    "-o f -d dir -x 8 -j 2 --max-per-host 1 -l 1.5M --checksum sha256:ab --no-resume --skip-existing --retries 3 " +
    "--retry-delay 0.5 --retry-max-delay 10 --max-retry-time 60 --connect-timeout 5 --read-timeout .25 " +
    "--piece-size 2M --memory-budget 1g --min-split-size 5MiB --min-segment-size 64K " +
    "--file-allocation prealloc --save-interval 1 -v --json";
  const command = parse(...argv.split(" "), "-H", "A: 1", "--header=B:x: y", URL_A);
  assert.deepEqual(command, {
    kind: "download",
    urls: [URL_A],
    options: { maxConcurrentDownloads: 2, maxDownloadsPerHost: 1, maxDownloadSpeed: 1.5 * 2 ** 20 },
    specOptions: {
      outputPath: "f",
      outputDir: "dir",
      maxConnections: 8,
      checksum: "sha256:ab",
      resume: false,
      maxRetries: 3,
      retryBaseDelayMs: 500,
      retryMaxDelayMs: 10_000,
      maxRetryElapsedMs: 60_000,
      connectTimeoutMs: 5000,
      readTimeoutMs: 250,
      pieceSize: 2 ** 21,
      memoryBudget: 2 ** 30,
      minSplitSize: 5 * 2 ** 20,
      minSegmentSize: 2 ** 16,
      fileAllocation: "prealloc",
      controlSaveIntervalMs: 1000,
    },
    inputs: { ...emptyDraft().inputs, headers: ["A: 1", "B:x: y"] },
    hasSecrets: true,
    skipsExisting: true,
    quiet: false,
    verbose: true,
    json: true,
  });
});

test("parseArgs() puts the flags of the network where they belong", () => {
  const command = parse(
    ...["--proxy", "socks5://h", "--http-proxy", "http://h", "--https-proxy", "@file", "--no-proxy", "a.b,c"],
    ...["--dns", "1.1.1.1, 8.8.8.8:53", "--dns", "[::1]:53", "--doh", "https://a/dns,https://b/dns"],
    ...["--resolve", "h.test:80:192.0.2.1,2001:db8::1", "--resolve", "*:443:[2001:db8::2]", "-4"],
    ...["--interface", "192.0.2.9", "--cacert", "ca", "--cert", "c", "--key", "k", "--insecure"],
    ...["-u", "me", "--netrc", "--cookie", "a=b", "--cookie", "jar", "--allow-downgrade"],
    ...["--refresh-cmd", "sign"],
    URL_A,
  );
  assert.deepEqual(command, {
    kind: "download",
    urls: [URL_A],
    ...emptyDraft(),
    options: {
      noProxy: "a.b,c",
      dnsServers: ["1.1.1.1", "8.8.8.8:53", "[::1]:53"],
      dohServers: ["https://a/dns", "https://b/dns"],
      resolve: { "h.test:80": ["192.0.2.1", "2001:db8::1"], "*:443": ["[2001:db8::2]"] },
      enableIpv6: false,
      localAddress: "192.0.2.9",
    },
    specOptions: { allowDowngrade: true },
    inputs: {
      headers: [],
      proxies: { allProxy: "socks5://h", httpProxy: "http://h", httpsProxy: "@file" },
      cookies: ["a=b", "jar"],
      user: "me",
      netrc: "~",
      refreshCommand: "sign",
      ca: "ca",
      cert: "c",
      key: "k",
      insecure: true,
    },
    hasSecrets: true,
  });
  for (const argv of [["--netrc", "--netrc-file", "f"], ["--netrc-file", "f", "--netrc"]]) {
    assert.equal(parse(...argv, URL_A).inputs.netrc, "f");
  }
});

test("parseArgs() takes --no-proxy '*' for no proxy at all, whatever the environment names", () => {
  assert.deepEqual(parse("--no-proxy", "*", URL_A).options, { proxy: false });
});

test("parseArgs() takes a value in each of the usual ways", () => {
  for (const argv of [["-x8"], ["-x", "8"], ["--connections=8"], ["--connections", "8"], ["-qx8"]]) {
    assert.equal(parse(...argv, URL_A).specOptions.maxConnections, 8, argv.join(" "));
  }
});

test("parseArgs() takes what follows -- for URLs", () => {
  assert.deepEqual(parse("-q", "--", "-x", URL_A).urls, ["-x", URL_A]);
});

test("parseArgs() knows help and version, also without a URL", () => {
  for (const flag of ["-h", "--help"]) assert.deepEqual(parseArgs([flag]), { kind: "help" });
  for (const flag of ["-V", "--version"]) assert.deepEqual(parseArgs([flag]), { kind: "version" });
});

test("parseArgs() refuses values and names the flag, the value and what would be right", () => {
  const cases: [argv: string[], ...parts: string[]][] = [
    [["-x", "0"], "-x", '"0"', "1 to 256"],
    [["--connections=8x"], "--connections", '"8x"', "1 to 256"],
    [["--retries", "-1"], "--retries", '"-1"', "whole number"],
    [["-j", "1.5"], "-j", '"1.5"', "1 to 1000"],
    [["-l", "5MB"], "-l", '"5MB"', "in bytes or with k, M, G or T (of 1024)"],
    [["--limit-rate", "-1"], "--limit-rate", '"-1"', "500k"],
    [["--piece-size", "1k"], "--piece-size", '"1k"', "16k to 1G"],
    [["--read-timeout", "0"], "--read-timeout", '"0"', "0.001"],
    [["--retry-delay", "soon"], "--retry-delay", '"soon"', "seconds"],
    [["--file-allocation", "full"], "--file-allocation", '"full"', "none or prealloc"],
    [["-o", "-"], "-o", '"-"', "./-"],
    [["-o", ""], "-o", '""', "path"],
    [["-d", ""], "-d", '""', "not empty"],
    [["--json=1"], "--json", "takes none"],
    [["--dns="], "--dns", '""', "not empty"],
    [["--resolve", "h:80"], "--resolve", '"h:80"', "HOST:PORT:ADDRESS"],
    [["--interface="], "--interface", '""', "not empty"],
    [["--output"], "--output", "path"],
    [["-o", "--json"], "-o", "--json", "path"],
  ];
  for (const [argv, ...parts] of cases) {
    const message = refusal(...argv, ...(argv[0] === "--output" ? [] : [URL_A]));
    for (const part of ["Cannot", ...parts]) assert.ok(message.includes(part), `${message} lacks ${part}`);
  }
});

test("parseArgs() suggests a flag for one that it does not know", () => {
  assert.match(refusal("--conections=3", URL_A), /--conections: .*did you mean --connections\?/);
  assert.match(refusal("--limit-rat", "3", URL_A), /did you mean --limit-rate\?/);
  assert.match(refusal("-connections", "3", URL_A), /-c: .*did you mean --connections\?/);
  assert.match(refusal("--quite", URL_A), /did you mean --quiet\?/);
  assert.match(refusal("--teapot", URL_A), /--teapot: .*see bytehaul --help/);
  assert.match(refusal("-z", URL_A), /-z: .*see bytehaul --help/);
});

test("parseArgs() never repeats a secret", () => {
  for (
    const argv of [
      ["-H", "X-Key: hunter2\r\nHost: x"],
      ["-H", "X-Key: hunter2\n"],
      ["-H", "hunter2"],
      ["--header=: hunter2"],
      ["-HX Y: hunter2"],
      ["--heade=X-Key: hunter2"],
      ["-whunter2"],
      ["--user", "hunter2", "--bearer", "hunter2"],
      ["--user="],
      ["--json=hunter2"],
    ]
  ) assert.doesNotMatch(refusal(...argv, URL_A), /hunter2/);
});

test("parseArgs() refuses what does not go together", () => {
  assert.match(refusal(), /without a URL/);
  assert.match(refusal("-q"), /without a URL/);
  assert.match(refusal("-o", "f", URL_A, URL_B), /--output "f" for 2 URLs/);
  assert.match(refusal("--checksum", "md5:0", URL_A, URL_B), /--checksum "md5:0" for 2 URLs/);
  assert.match(refusal("-qv", URL_A), /--quiet together with --verbose/);
  const skips = ["--skip-existing", "--overwrite", URL_A];
  assert.match(refusal(...skips), /--skip-existing together with --overwrite/);
  assert.equal(parse("--checksum", "md5:0", ...skips).skipsExisting, true);
  assert.match(refusal("--skip-existing", "--rename", URL_A), /--skip-existing together with --rename/);
  assert.match(refusal("-u", "me:pw", "--bearer", "t", URL_A), /--user together with --bearer/);
  assert.match(refusal("--refresh-cmd", "sign", URL_A, URL_B), /--refresh-cmd for 2 URLs/);
  assert.match(refusal("--key", "k.pem", URL_A), /--key "k\.pem" without --cert/);
  assert.match(refusal("--cert", "c.pem", URL_A), /--cert "c\.pem" without --key/);
});

test("parseArgs() points to the help where there is no URL", () => {
  assert.match(refusal(), /see bytehaul --help$/);
});

test("parseArgs() suggests the algorithm of a bare digest", () => {
  const hex = "0123456789abcdefABCDEF0123456789";
  assert.match(refusal("--checksum", hex + hex, URL_A), new RegExp(`did you mean sha256:${hex}${hex}\\?$`));
  assert.match(refusal("--checksum", hex, URL_A), /did you mean md5:/);
  assert.equal(parse("--checksum", "abc", URL_A).specOptions.checksum, "abc");
});

test("parseArgs() rounds a tiny rate up, as 0 would be no limit", () => {
  assert.equal(parse("-l", "0.0001k", URL_A).options.maxDownloadSpeed, 1);
  assert.equal(parse("-l", "0", URL_A).options.maxDownloadSpeed, 0);
});

test("the bounds of the flags are those of the options", () => {
  let bounds = 0;
  for (const flag of FLAGS) {
    const range = / from (\S+) to ([^\s,]+)/.exec(flag.expected ?? "");
    if (range === null) continue;
    for (const [bound = "", step] of [[range[1], -1], [range[2], 1]] as const) {
      const draft = emptyDraft();
      const judge = () => {
        resolveDownloaderOptions(draft.options);
        resolveSpec({ ...draft.specOptions, url: URL_A });
      };
      assert.ok(flag.apply(draft, bound), `--${flag.name} ${bound}`);
      judge();
      bounds++;
      for (const options of [draft.options, draft.specOptions] as Record<string, number>[]) {
        for (const [name, value] of Object.entries(options)) options[name] = value + step;
      }
      assert.throws(judge, RangeError, `--${flag.name} beyond ${bound}`);
    }
  }
  assert.equal(bounds, 22);
});

test("the defaults that the help names are those of the options", () => {
  const shared = resolveDownloaderOptions({});
  const ofFile = resolveDefaults(COMMAND_DEFAULTS);
  let defaults = 0;
  for (const { name, otherwise } of FLAGS) {
    if (otherwise === undefined || otherwise === "no limit") continue;
    const { options, specOptions } = parse(`--${name}=${otherwise}`, URL_A);
    assert.notDeepEqual([options, specOptions], [{}, {}], name);
    const { logger: _, ...resolved } = resolveDownloaderOptions(options);
    const { logger: __, ...expected } = shared;
    assert.deepEqual(resolved, expected, name);
    assert.deepEqual(resolveDefaults({ ...COMMAND_DEFAULTS, ...specOptions }), ofFile, name);
    defaults++;
  }
  assert.equal(defaults, 15);
  const endless = FLAGS.filter(({ otherwise }) => otherwise === "no limit").map(({ name }) => name);
  assert.deepEqual(endless, ["max-per-host", "max-segment-size", "max-retry-time"]);
  const help = helpText();
  for (const { otherwise } of FLAGS) {
    if (otherwise !== undefined) assert.ok(help.includes(`(default ${otherwise})`), otherwise);
  }
});

test("parseArgs() reads --checksum-file, for several URLs too", () => {
  const command = parse("--checksum-file", "SHA256SUMS", URL_A, URL_B);
  assert.deepEqual(command.specOptions, { checksumFile: "SHA256SUMS" });
  assert.match(
    refusal("--checksum-file", "a", "--checksum", "md5:0", URL_A),
    /--checksum together with --checksum-file/,
  );
  for (
    const [list, hasSecrets] of [
      ["SHA256SUMS", false],
      ["https://example.com/SUMS", false],
      ["https://example.com/SUMS?key=1", true],
      ["https://me:pw@example.com/SUMS", true],
    ] as const
  ) assert.equal(parse("--checksum-file", list, URL_A).hasSecrets, hasSecrets, list);
});
