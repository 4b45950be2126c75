import assert from "node:assert/strict";
import { test } from "node:test";
import { FLAGS } from "../../../src/cli/flags/flags.ts";
import { inFlags } from "../../../src/cli/flags/in_flags.ts";
import { DOWNLOADER_DEFAULTS, SPEC_DEFAULTS } from "../../../src/options/defaults.ts";
import { ChecksumMismatchError, DownloadError, HttpStatusError } from "../../../src/errors.ts";
import { OptionError, OptionRangeError, OptionTypeError } from "../../../src/option_error.ts";
import { resolveDownloaderOptions, resolveSpec } from "../../../src/options/resolve_options.ts";

/** What the library refuses. */
function refusalOf(attempt: () => unknown): OptionError {
  try {
    attempt();
  } catch (error) {
    assert.ok(error instanceof OptionError);
    return error;
  }
  assert.fail("it was accepted");
}

const spec = (options: Record<string, unknown>) =>
  refusalOf(() => resolveSpec({ url: "http://a/", ...options }));
const downloader = (options: Record<string, unknown>) => refusalOf(() => resolveDownloaderOptions(options));

test("inFlags() names the flag of an option, with its value where that is no secret", () => {
  const cases: readonly (readonly [error: OptionError, wanted: RegExp])[] = [
    [
      spec({ maxConnections: 1000 }),
      /^Cannot use --connections 1000: expected a whole number from 1 to 256$/,
    ],
    [spec({ checksum: "crc9:00" }), /^Cannot use --checksum "crc9:00": expected ALGORITHM:HEX with one of /],
    [
      spec({ checksumFile: "https://u:hunter2@h/" }),
      /^Cannot use --checksum-file: a user name .* is sent nowhere; use --header$/,
    ],
    [
      spec({ headers: { "x-a": "a\nhunter2" } }),
      /^Cannot use --header: a name or a value is not allowed in HTTP$/,
    ],
    [
      spec({ headers: { Host: "a" } }),
      /^Cannot use --header "host": each request gets its own; leave it out$/,
    ],
    [spec({ bearerToken: "hunter2 2" }), /^Cannot use --bearer: it has characters that no token has/],
    [
      spec({ username: "u", bearerToken: "hunter2" }),
      /^Cannot use --bearer: username is given as well; expected one of them$/,
    ],
    [
      downloader({ dnsServers: ["dns.example"] }),
      /^Cannot use --dns "dns.example": expected an IP address with or/,
    ],
    [downloader({ dohServers: ["https://u:hunter2@h/"] }), /^Cannot use --doh: the one at h has a user name/],
    [
      downloader({ resolve: { "h:0": "::1" } }),
      /^Cannot use --resolve "h:0": expected a host name and a port/,
    ],
    [
      downloader({ localAddress: "eth0" }),
      /^Cannot use --interface "eth0": expected an IP address of this machine$/,
    ],
    [
      downloader({ httpsProxy: "socks4://u:hunter2@h" }),
      /^Cannot use --https-proxy "socks4:\/\/\*\*\*@h": SOCKS4 has no IPv6/,
    ],
  ];
  for (const [error, wanted] of cases) {
    assert.match(inFlags(error), wanted);
    assert.doesNotMatch(inFlags(error), /hunter2/);
  }
});

test("inFlags() leaves the message where no flag sets the option", () => {
  for (const error of [spec({ url: "ftp://a/" }), spec({ password: "hunter2" }), spec({ teapot: true })]) {
    assert.equal(inFlags(error), error.message);
  }
});

test("inFlags() names the file that holds the contents of an option", () => {
  const error = downloader({ tls: { ca: "nothing" } });
  assert.match(
    inFlags(error, { "tls.ca": '--cacert "k$1.pem"' }),
    /^Cannot use --cacert "k\$1\.pem": it is not a certif/,
  );
  assert.match(inFlags(error), /^Cannot use --cacert: it is not a certificate/);
});

test("inFlags() puts the flag into a remedy and leaves the rest of a message alone", () => {
  const path = 'Cannot write "outputDir; turn overwrite on"';
  const remedy = { before: "choose another output or ", options: ["overwrite"], how: "turn overwrite on" };
  const failed = new DownloadError("output_exists", `${path}: it exists already`, { remedy });
  assert.equal(failed.message, `${path}: it exists already; choose another output or turn overwrite on`);
  assert.equal(inFlags(failed), `${path}: it exists already; choose another output or use --overwrite`);
  const resume = { options: ["resume"], how: "turn resume off", after: " to restart" };
  assert.equal(
    inFlags(new DownloadError("control_file", "Cannot resume", { remedy: resume })),
    "Cannot resume; use --no-resume to restart",
  );
  const both = { options: ["checksum", "checksumFile"], how: "give checksum or checksumFile" };
  assert.equal(
    inFlags(new HttpStatusError(404, "Cannot verify", { remedy: both })),
    "Cannot verify; use --checksum or --checksum-file",
  );
  const taken = new OptionTypeError({
    option: "outputPath",
    subject: 'outputPath "a"',
    problem: "it is a directory",
    value: "a",
    remedy: { before: "give a file's path, or ", options: ["outputDir"], how: "use outputDir" },
  });
  assert.equal(
    taken.message,
    'Cannot use outputPath "a": it is a directory; give a file\'s path, or use outputDir',
  );
  assert.equal(
    inFlags(taken),
    'Cannot use --output "a": it is a directory; give a file\'s path, or use --dir',
  );
});

test("inFlags() says in flags whose checksum a file fails", () => {
  const mismatch = (source: string) =>
    new ChecksumMismatchError("md5:1", "md5:2", { source, host: "h", keptPath: "k" });
  const cases = [
    ["checksum", /expected md5:1, as --checksum says; it is kept as "k"$/],
    ["checksumFile", /expected md5:1, as --checksum-file says; it is kept as "k"$/],
    ["digest", /as h says in digest; if that is out of date, use --no-published-digest; it is kept as "k"$/],
  ] as const;
  for (const [source, wanted] of cases) assert.match(inFlags(mismatch(source)), wanted);
});

test("inFlags() shows other errors, and what is none, as they are", () => {
  assert.equal(inFlags(new Error("outputPath")), "outputPath");
  assert.equal(inFlags("outputPath"), "outputPath");
});

/** Flags about the command itself. */
const WITHOUT_OPTION = ["help", "input-file", "json", "quiet", "skip-existing", "verbose", "version"];

/** Options for programs alone. */
const WITHOUT_FLAG = ["poolIdleTimeoutMs", "poolMaxIdlePerHost", "uniqueOutputs"];

test("every flag has a line of help, what its value is, and the option that it sets", () => {
  for (const { name, short, help, placeholder, expected, option } of FLAGS) {
    assert.match(name, /^[a-z][a-z\d-]+$/);
    assert.match(short ?? "s", /^[a-zA-Z\d]$/, name);
    assert.match(help, /^[^\n]{10,}[^.\n]$/, name);
    assert.doesNotMatch(help, /\(default/, name);
    assert.equal(placeholder === undefined, expected === undefined, name);
    assert.equal(option === undefined, WITHOUT_OPTION.includes(name), name);
  }
  const names = FLAGS.flatMap(({ name, short }) => short === undefined ? [name] : [name, short]);
  assert.equal(new Set(names).size, names.length);
});

test("every option that has a default has a flag, and no flag an option that there is not", () => {
  const options = new Set(FLAGS.map(({ option }) => option));
  const withDefault = Object.keys({ ...SPEC_DEFAULTS, ...DOWNLOADER_DEFAULTS });
  assert.deepEqual(withDefault.filter((name) => !options.has(name)).sort(), WITHOUT_FLAG);
  for (const option of options) {
    if (option === undefined) continue;
    const [outer = "", inner] = option.split(".");
    const wrong = inner === undefined ? Symbol("wrong") : { [inner]: Symbol("wrong"), cert: "c", key: "k" };
    const isKnown = [spec({ [outer]: wrong }), downloader({ [outer]: wrong })].some((error) =>
      !error.problem.startsWith("there is no such option")
    );
    assert.ok(isKnown, option);
  }
});

test("a bad option is a TypeError or a RangeError, and an OptionError", () => {
  const wrong = { option: "a", problem: "it is b" };
  const [ofType, ofRange] = [new OptionTypeError(wrong), new OptionRangeError(wrong)];
  assert.ok(ofType instanceof TypeError && ofRange instanceof RangeError);
  for (const error of [ofType, ofRange]) {
    assert.ok(error instanceof OptionError);
    assert.deepEqual([error.option, error.problem, error.value], ["a", "it is b", undefined]);
    assert.equal(error.message, "Cannot use a: it is b");
  }
  for (const other of [new TypeError("a"), new RangeError("b"), { option: "a" }, undefined]) {
    assert.equal(other instanceof OptionError, false);
  }
});
