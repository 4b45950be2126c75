import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { inspect } from "node:util";
import type { DownloaderOptions, DownloadSpec } from "../../src/options/options.ts";
import { CheckedSpec, type ResolvedSpec } from "../../src/options/resolved_options.ts";
import { OptionError } from "../../src/option_error.ts";
import { NO_PROXIES } from "../../src/options/proxy.ts";
import {
  checkSpeed,
  resolveDefaults,
  resolveDownloaderOptions,
  resolveSpec,
} from "../../src/options/resolve_options.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
const MAX_TIMER_MS = 2 ** 31 - 1;
const URL_TEXT = "https://example.com/file.bin";
const SHA256 = "a".repeat(64);

/** Default, least and greatest value of every numeric option of a spec. */
const NUMBERS = {
  maxConnections: [4, 1, 256],
  pieceSize: [MIB, 16 * KIB, GIB],
  minSplitSize: [10 * MIB, 0, Number.MAX_SAFE_INTEGER],
  minSegmentSize: [256 * KIB, KIB, GIB],
  maxSegmentSize: [Infinity, KIB, Infinity],
  memoryBudget: [16 * MIB, 16 * KIB, 64 * GIB],
  maxRetries: [5, 0, 1_000_000],
  retryBaseDelayMs: [1000, 0, MAX_TIMER_MS],
  retryMaxDelayMs: [30_000, 0, MAX_TIMER_MS],
  maxRetryElapsedMs: [Infinity, 0, Infinity],
  maxDownloadSpeed: [0, 0, Number.MAX_SAFE_INTEGER],
  connectTimeoutMs: [30_000, 1, MAX_TIMER_MS],
  readTimeoutMs: [60_000, 1, MAX_TIMER_MS],
  controlSaveIntervalMs: [5000, 1, MAX_TIMER_MS],
} as const satisfies Partial<Record<keyof ResolvedSpec, readonly [number, number, number]>>;

/** Resolves a spec that may have anything in it, as one from JavaScript may. */
function resolve(spec: Readonly<Record<string, unknown>>): ResolvedSpec {
  return resolveSpec({ url: URL_TEXT, ...spec });
}

function resolveOptions(options: Readonly<Record<string, unknown>>): unknown {
  return resolveDownloaderOptions(options as DownloaderOptions);
}

/** The error's class is the very one named, and its message is one sentence that has all of `parts`. */
function refuses(
  kind: typeof TypeError | typeof RangeError,
  attempt: () => unknown,
  ...parts: readonly string[]
): void {
  assert.throws(attempt, (error: unknown) => {
    assert.ok(error instanceof Error);
    assert.equal(error.name, kind.name, error.message);
    assert.match(error.message, /^Cannot use [^\n]+[:;] [^\n]+[^.\n]$/);
    for (const part of parts) {
      assert.ok(error.message.includes(part), `${JSON.stringify(part)} is not in: ${error.message}`);
    }
    return true;
  });
}

test("a URL alone gives every default", () => {
  const { headers, ...rest } = resolveSpec({ url: URL_TEXT });
  assert.deepEqual([...headers], []);
  assert.deepEqual(rest, {
    url: URL_TEXT,
    outputPath: undefined,
    outputDir: ".",
    discardMismatch: false,
    fileAllocation: "none",
    resume: true,
    overwrite: false,
    rename: false,
    checksum: undefined,
    checksumFile: undefined,
    isAdaptive: false,
    cookies: [],
    contentEncoding: "refuse",
    publishedDigest: true,
    netrc: [],
    allowDowngrade: false,
    refresh: undefined,
    proxies: NO_PROXIES,
    signal: undefined,
    ...Object.fromEntries(Object.entries(NUMBERS).map(([name, [otherwise]]) => [name, otherwise])),
  });
});

for (const [name, [otherwise, min, max]] of Object.entries(NUMBERS)) {
  const shown = name as keyof typeof NUMBERS;

  test(`${name} takes its least, its greatest and no value`, () => {
    assert.equal(resolve({ [name]: min })[shown], min);
    assert.equal(resolve({ [name]: max })[shown], max);
    assert.equal(resolve({ [name]: undefined })[shown], otherwise);
  });

  test(`${name} out of range is a RangeError that names the value and the range`, () => {
    const tooLarge = max === Infinity ? [] : [max + 1, Infinity];
    for (const value of [min - 1, min - 0.5, min + 0.5, NaN, -Infinity, 1e300, ...tooLarge]) {
      refuses(RangeError, () => resolve({ [name]: value }), `${name} ${value}`, `from ${min} to ${max}`);
    }
  });

  test(`${name} that is no number is a TypeError that names the value`, () => {
    for (const [value, text] of [["8", '"8"'], [null, "null"], [true, "true"], [8n, "8"]]) {
      refuses(TypeError, () => resolve({ [name]: value }), `${name} ${text}`, "expected a number");
    }
  });
}

test("no segment is longer than maxSegmentSize, be it shorter than minSegmentSize", () => {
  assert.equal(resolve({ maxSegmentSize: 100 * KIB }).minSegmentSize, 100 * KIB);
  assert.equal(resolve({ maxSegmentSize: 2 * KIB, minSegmentSize: 4 * KIB }).minSegmentSize, 2 * KIB);
  assert.equal(resolve({ maxSegmentSize: GIB, minSegmentSize: 4 * KIB }).minSegmentSize, 4 * KIB);
});

test("yes-or-no options are true or false and nothing else", () => {
  for (const name of ["resume", "overwrite", "allowDowngrade", "publishedDigest"] as const) {
    for (const value of [true, false]) assert.equal(resolve({ [name]: value })[name], value);
    for (const [value, text] of [["yes", '"yes"'], [1, "1"], [null, "null"]]) {
      refuses(TypeError, () => resolve({ [name]: value }), `${name} ${text}`, "true or false");
    }
  }
});

test("fileAllocation is one of its two words", () => {
  assert.equal(resolve({ fileAllocation: "prealloc" }).fileAllocation, "prealloc");
  for (const [value, text] of [["full", '"full"'], ["", '""'], [null, "null"], [1, "1"]]) {
    refuses(TypeError, () => resolve({ fileAllocation: value }), `${text}`, '"none" or "prealloc"');
  }
});

test("contentEncoding is one of its two words", () => {
  assert.equal(resolve({ contentEncoding: "keep" }).contentEncoding, "keep");
  for (const [value, text] of [["gzip", '"gzip"'], [true, "true"]]) {
    refuses(TypeError, () => resolve({ contentEncoding: value }), `${text}`, '"refuse" or "keep"');
  }
});

test("output names are text that a system can take", () => {
  const { outputPath, outputDir } = resolve({ outputPath: "a b/ü.bin", outputDir: "/tmp/x" });
  assert.deepEqual([outputPath, outputDir], ["a b/ü.bin", "/tmp/x"]);
  for (const name of ["outputPath", "outputDir"]) {
    refuses(TypeError, () => resolve({ [name]: "" }), `${name} ""`);
    refuses(TypeError, () => resolve({ [name]: "a\0b" }), name, "zero byte");
    refuses(TypeError, () => resolve({ [name]: 7 }), `${name} 7`, "a string");
    refuses(TypeError, () => resolve({ [name]: null }), `${name} null`, "a string");
  }
});

test("signal is an AbortSignal", () => {
  const { signal } = new AbortController();
  assert.equal(resolve({ signal }).signal, signal);
  refuses(TypeError, () => resolve({ signal: {} }), "signal", "an AbortSignal");
});

test("an option that there is not is named", () => {
  refuses(TypeError, () => resolve({ maxConnection: 4 }), '"maxConnection"', "maxConnections");
  refuses(TypeError, () => resolveOptions({ maxConnections: 4 }), '"maxConnections"', "defaults");
});

test("checksum is taken apart, or refused as what it is", () => {
  const { checksum } = resolve({ checksum: `SHA-256:${SHA256.toUpperCase()}` });
  assert.deepEqual(checksum, { algorithm: "sha256", hex: SHA256 });
  refuses(TypeError, () => resolve({ checksum: "sha256:abc" }), "sha256:abc", "64", "3");
  refuses(TypeError, () => resolve({ checksum: "" }), 'checksum ""');
  refuses(TypeError, () => resolve({ checksum: 7 }), "checksum 7", "a string");
});

test("url may be text or a URL, and loses its fragment", () => {
  assert.equal(
    resolve({ url: new URL("http://example.com:8080/a?b=c#d") }).url,
    "http://example.com:8080/a?b=c",
  );
  assert.equal(resolve({ url: " HTTPS://Example.com/%41 " }).url, "https://example.com/%41");
  const given = new URL("https://user:pw@example.com/#part");
  resolve({ url: given });
  assert.equal(given.href, "https://user:pw@example.com/#part", "the caller's object stays as it is");
});

test("79: what is no text is not shown, since a URL may be in it", () => {
  for (const name of ["url", "outputPath", "checksum", "refresh", "signal"]) {
    for (const value of [["https://a/?secret"], new URL("https://secret@a/"), { href: "secret" }]) {
      if (name === "url" && value instanceof URL) continue;
      assert.throws(() => resolve({ [name]: value }), (error: Error) => {
        assert.match(error.message, new RegExp(`^Cannot use ${name} \\[(?:a list|object)\\]: expected `));
        return true;
      });
    }
  }
  assert.throws(
    () => resolve({ refresh: "curl https://me:secret@a/b?secret" }),
    /refresh "curl https:\/\/a\/b": expected a function$/,
  );
});

test("url of another kind is refused", () => {
  refuses(TypeError, () => resolve({ url: undefined }), "url undefined", "a string or a URL");
  refuses(TypeError, () => resolve({ url: 7 }), "url 7");
  refuses(
    TypeError,
    () => resolve({ url: "example.com/file" }),
    '"example.com/file"',
    "https://example.com/file",
  );
  refuses(TypeError, () => resolve({ url: "" }), '""');
  for (const scheme of ["file:", "ftp:", "data:", "javascript:"]) {
    refuses(TypeError, () => resolve({ url: `${scheme}//host/file` }), `"${scheme}"`, "http: or https:");
  }
});

test("79: userinfo becomes basic credentials and leaves the URL", () => {
  const { url, headers } = resolve({ url: "https://j%C3%BCrgen:p%40ss%3A@example.com/a" });
  assert.equal(url, "https://example.com/a");
  const [scheme, pair] = (headers.get("authorization") ?? "").split(" ");
  assert.equal(scheme, "Basic");
  assert.equal(Buffer.from(pair ?? "", "base64").toString(), "jürgen:p@ss:");
  const nameOnly = resolve({ url: "https://token@example.com/" }).headers.get("authorization");
  assert.equal(nameOnly, `Basic ${btoa("token:")}`);
});

test("79: a caller's own Authorization wins over userinfo", () => {
  const { url, headers } = resolve({
    url: "https://a:b@example.com/",
    headers: { Authorization: "Bearer x" },
  });
  assert.equal(headers.get("authorization"), "Bearer x");
  assert.equal(url, "https://example.com/");
});

test("79: no message shows what may be secret in a URL or a header", () => {
  const attempts: Readonly<Record<string, unknown>>[] = [
    { url: "https://user:secret@exa mple.com/" },
    { url: "https://user:se?cr#secret@exa mple.com/" },
    { url: "https://exa mple.com/?key=secret" },
    { url: "https://exa mple.com/#secret" },
    { url: "ftp://user:secret@example.com/?key=secret" },
    { url: "https://user:secret%ff@example.com/" },
    { headers: { "x-key": "secret\r\nx: y" } },
    { headers: { "x key": "secret" } },
    { headers: { "range": "secret" } },
  ];
  for (const spec of attempts) {
    assert.throws(() => resolve(spec), (error: unknown) => {
      assert.ok(error instanceof TypeError);
      const shown = inspect({ ...error, message: error.message, cause: error.cause });
      assert.ok(!shown.includes("secret"), shown);
      return true;
    });
  }
});

test("73: headers with a line break or rubbish are refused", () => {
  for (
    const headers of [{ "x-a": "b\r\nx-c: d" }, { "x-a": "b\nc" }, { "x\r\na": "b" }, { "": "b" }, {
      "x a": "b",
    }]
  ) {
    refuses(TypeError, () => resolve({ headers }), "headers");
  }
  for (const headers of [7, "x-a: b", null, ["ab"], ["x-a: b"], [["x-a"]], [["x-a", "b", "c"]], [7]]) {
    refuses(TypeError, () => resolve({ headers }), "headers");
  }
});

test("128 control characters in headers are refused, in whatever form", () => {
  for (const value of ["a\0b", "a\x01b", "a\nb", "a\x1b[31m", "a\x7fb", "日\rb"]) {
    refuses(TypeError, () => resolve({ headers: { "x-a": value } }), "headers");
    refuses(TypeError, () => resolve({ headers: [["x-a", value]] }), "headers");
  }
  assert.equal(resolve({ headers: { "x-a": "a\tb" } }).headers.get("x-a"), "a\tb");
});

test("128 values of headers are bytes of UTF-8, and names are ASCII", () => {
  const utf8 = (text: string) => String.fromCharCode(...new TextEncoder().encode(text));
  for (const headers of [{ "x-a": "é日😀" }, [["x-a", "é日😀"]], new Map([["x-a", "é日😀"]])]) {
    assert.equal(resolve({ headers }).headers.get("x-a"), utf8("é日😀"));
  }
  const bytes = new Headers({ "x-a": "\xe9" });
  assert.equal(resolve({ headers: bytes }).headers.get("x-a"), "\xe9");
  const both = resolveSpec(
    { url: URL_TEXT, headers: { "x-b": "ü" } },
    resolveDefaults({ headers: { "x-a": "ü" } }),
  ).headers;
  assert.deepEqual([...both], [["x-a", utf8("ü")], ["x-b", utf8("ü")]]);
  refuses(TypeError, () => resolve({ headers: { "x-ü": "a" } }), "headers");
});

test("headers come in every form of the fetch standard", () => {
  for (const headers of [{ "X-A": "b" }, [["X-A", "b"]], new Headers({ "X-A": "b" })]) {
    assert.deepEqual([...resolve({ headers }).headers], [["x-a", "b"]]);
  }
});

test("fields that each request sets itself cannot be set by a caller", () => {
  const own = ["Range", "If-Range", "Accept-Encoding", "Content-Length", "Transfer-Encoding", "Connection"];
  for (const name of own) {
    for (const spelling of [name, name.toLowerCase(), name.toUpperCase()]) {
      refuses(
        TypeError,
        () => resolve({ headers: { [spelling]: "value-of-it" } }),
        `"${name.toLowerCase()}"`,
      );
    }
    assert.throws(
      () => resolve({ headers: [["X-A", "b"], [name, "value-of-it"]] }),
      (error: Error) => !error.message.includes("value-of-it"),
    );
    refuses(TypeError, () => resolveOptions({ defaults: { headers: { [name]: "x" } } }), name.toLowerCase());
  }
});

test("defaults fill what a spec does not say", () => {
  const defaults = resolveDefaults({
    ...{ maxConnections: 9, outputDir: "d", resume: false, headers: { "x-a": "1", "x-b": "1" } },
  });
  const filled = resolveSpec({ url: URL_TEXT, headers: { "x-b": "2" } }, defaults);
  assert.deepEqual([filled.maxConnections, filled.outputDir, filled.resume], [9, "d", false]);
  assert.deepEqual([...filled.headers], [["x-a", "1"], ["x-b", "2"]]);
  const said = resolveSpec({ url: URL_TEXT, maxConnections: 2, outputDir: undefined }, defaults);
  assert.deepEqual([said.maxConnections, said.outputDir], [2, "d"]);
});

test("a Downloader's options have defaults, and are checked as a spec's are", () => {
  const { logger, network, defaults, ...rest } = resolveDownloaderOptions({});
  assert.deepEqual(rest, {
    maxConcurrentDownloads: 4,
    maxDownloadsPerHost: Infinity,
    maxDownloadSpeed: 0,
    uniqueOutputs: false,
  });
  assert.deepEqual(defaults, resolveDefaults({}));
  assert.deepEqual(network, {
    proxies: NO_PROXIES,
    dnsServers: [],
    dohServers: [],
    overrides: new Map(),
    enableIpv6: true,
    localAddress: undefined,
    tls: { ca: [], identity: undefined, insecure: false },
    poolMaxIdlePerHost: 256,
    poolIdleTimeoutMs: 90_000,
  });
  assert.equal(logger("info", "unheard"), undefined);
  assert.equal(resolveDownloaderOptions({ maxConcurrentDownloads: 1000 }).maxConcurrentDownloads, 1000);
  for (const value of [0, 1001, 1.5, NaN]) {
    refuses(
      RangeError,
      () => resolveOptions({ maxConcurrentDownloads: value }),
      `${value}`,
      "from 1 to 1000",
    );
  }
  refuses(TypeError, () => resolveOptions({ maxConcurrentDownloads: "4" }), '"4"');
  assert.equal(resolveDownloaderOptions({ maxDownloadsPerHost: 2 }).maxDownloadsPerHost, 2);
  refuses(RangeError, () => resolveOptions({ maxDownloadsPerHost: 0 }), "maxDownloadsPerHost 0");
  refuses(RangeError, () => resolveOptions({ maxDownloadSpeed: -1 }), "maxDownloadSpeed -1");
  refuses(TypeError, () => resolveOptions({ logger: "console" }), 'logger "console"', "a function");
});

test("a Downloader's defaults are checked at once, and have nothing that belongs to one download", () => {
  refuses(RangeError, () => resolveOptions({ defaults: { pieceSize: 1 } }), "pieceSize 1");
  refuses(TypeError, () => resolveOptions({ defaults: { piecesize: MIB } }), '"piecesize"');
  refuses(TypeError, () => resolveOptions({ defaults: 7 }), "defaults 7", "an object");
  refuses(TypeError, () => resolveOptions({ defaults: null }), "defaults null", "an object");
  const { signal } = new AbortController();
  for (const [name, value] of Object.entries({ url: URL_TEXT, outputPath: "a", signal })) {
    refuses(TypeError, () => resolveOptions({ defaults: { [name]: value } }), `"${name}"`);
  }
});

test("checkSpeed() judges a limit that is changed later", () => {
  assert.deepEqual([checkSpeed(0), checkSpeed(1500), checkSpeed(undefined)], [0, 1500, 0]);
  for (const value of [-1, 0.5, NaN, Infinity]) {
    refuses(RangeError, () => checkSpeed(value), `maxDownloadSpeed ${value}`);
  }
  refuses(TypeError, () => checkSpeed("1M" as unknown as number), '"1M"');
});

test("a spec is not changed by being resolved", () => {
  const spec: DownloadSpec = Object.freeze({
    url: "https://a:b@example.com/",
    headers: Object.freeze({ "x-a": "b" }),
  });
  resolveSpec(spec);
  assert.deepEqual(spec, { url: "https://a:b@example.com/", headers: { "x-a": "b" } });
});

/** Options as a program may have them that sets some of them for all. */
class HouseSpec {
  readonly url = URL_TEXT;
  get maxConnections(): number {
    return 7;
  }
  get headers(): Record<string, string> {
    return { "x-a": "1" };
  }
  refresh(): Promise<undefined> {
    return Promise.resolve(undefined);
  }
  /** No option, and no property either. */
  describe(): string {
    return this.url;
  }
}

test("124 options on a prototype, and getters of a class, count as those of a plain object", () => {
  const inherited = Object.create({ url: URL_TEXT, maxConnections: 7, outputDir: "d" });
  assert.deepEqual(
    { ...resolveSpec(inherited), headers: [] },
    { ...resolve({ maxConnections: 7, outputDir: "d" }), headers: [] },
  );
  const own = Object.assign(Object.create({ url: URL_TEXT, maxConnections: 7 }), { maxConnections: 8 });
  assert.equal(resolveSpec(own).maxConnections, 8);
  const spec = resolveSpec(new HouseSpec());
  assert.deepEqual([spec.maxConnections, [...spec.headers], spec.url], [7, [["x-a", "1"]], URL_TEXT]);
  assert.equal(spec.refresh, HouseSpec.prototype.refresh);
  const options = resolveDownloaderOptions(Object.create({
    ...{ maxConcurrentDownloads: 9, allProxy: "http://p.test:1", enableIpv6: false },
    defaults: Object.create({ outputDir: "e" }),
    tls: Object.create({ insecure: true }),
  }));
  assert.equal(options.maxConcurrentDownloads, 9);
  assert.equal(options.defaults.outputDir, "e");
  const { enableIpv6, tls, proxies } = options.network;
  assert.deepEqual([enableIpv6, tls.insecure, proxies.all !== undefined], [false, true, true]);
});

test("124 an option on a prototype that there is not, or that is bad, is named", () => {
  const over = (base: object) => () => resolveSpec(Object.create(base));
  refuses(
    TypeError,
    over({ url: URL_TEXT, maxConnection: 7 }),
    '"maxConnection"',
    "did you mean maxConnections?",
  );
  refuses(RangeError, over({ url: URL_TEXT, maxConnections: 0 }), "maxConnections 0");
  class Misspelt extends HouseSpec {
    get maxConection(): number {
      return 7;
    }
  }
  refuses(TypeError, () => resolveSpec(new Misspelt()), '"maxConection"');
  refuses(TypeError, () => resolveOptions(Object.create({ maxConcurrent: 7 })), '"maxConcurrent"');
  refuses(TypeError, () => resolveOptions({ tls: Object.create({ certificate: "" }) }), '"certificate"');
});

test("a bad option is an OptionError with the option, the problem, and the value where that is no secret", () => {
  const cases:
    readonly (readonly [Readonly<Record<string, unknown>>, option: string, RegExp, value: unknown])[] = [
      [{ maxConnections: 300 }, "maxConnections", /^expected a whole number from 1 to 256$/, 300],
      [{ resume: "yes" }, "resume", /^expected true or false$/, "yes"],
      [{ proxy: "http://u:s3cret@h" }, "proxy", /^expected false; allProxy names a proxy$/, undefined],
      [{ httpsProxy: "ftp://u:s3cret@h" }, "httpsProxy", /^there is no kind of proxy "ftp"/, "ftp://***@h"],
      [{ url: "https://u:s3cret@h h/" }, "url", /^it does not parse/, undefined],
      [{ url: "https://u:s3cret x:y/" }, "url", /^it does not parse/, undefined],
      [{ allProxy: "http://u:s3c:s3cret:h" }, "allProxy", /^expected a host and perhaps a port/, undefined],
      [{ fileAllocation: "-----BEGIN PRIVATE KEY-----s3cret" }, "fileAllocation", /^expected /, undefined],
      [{ checksumFile: new URL("file://server/x") }, "checksumFile", /^expected a path/, "file://server/x"],
      [{ url: "https://h h/?s3cret" }, "url", /^it does not parse/, "https://h h/"],
      [{ headers: { "x-a": "s3cret\n1" } }, "headers", /^a name or a value is not allowed/, undefined],
      [{ bearerToken: "s3cret 1" }, "bearerToken", /^it has characters that no token has/, undefined],
      [{ username: "u", bearerToken: "s3cret" }, "bearerToken", /^username is given as well; /, undefined],
      [{ refresh: "curl https://h/?s3cret" }, "refresh", /^expected a function$/, undefined],
      [{ cookies: "s3cret" }, "cookies", /^line 1 is not of the Netscape format/, undefined],
      [{ netrc: 'password "s3cret' }, "netrc", /^in line 1 a quotation mark/, undefined],
      [{ checksum: "md5:00" }, "checksum", /^md5 has 32 hexadecimal digits, this has 2$/, "md5:00"],
      [
        { checksumFile: "https://u:s3cret@h/" },
        "checksumFile",
        /^a user name or a password in its URL/,
        undefined,
      ],
      [{ teapot: 1 }, "teapot", /^there is no such option; known are /, undefined],
    ];
  for (const [options, option, problem, value] of cases) {
    assert.throws(() => resolve(options), (error: unknown) => {
      assert.ok(error instanceof OptionError);
      assert.deepEqual([error.option, error.value], [option, value]);
      assert.match(error.problem, problem);
      assert.doesNotMatch(inspect(error, { showHidden: true }), /s3cret/);
      return true;
    });
  }
});

test("the error of an unknown option suggests the option that was meant", () => {
  const cases = [
    [
      { maxconnection: 8 },
      'the option "maxconnection": there is no such option; did you mean maxConnections?',
    ],
    [{ checkSum: "md5:00" }, 'the option "checkSum": there is no such option; did you mean checksum?'],
  ] as const;
  for (const [options, message] of cases) {
    assert.throws(() => resolve(options), {
      message: `Cannot use ${message}`,
      problem: "there is no such option",
    });
  }
});

test("a spec that was checked is taken as it is, whatever the defaults say", () => {
  const resolved = resolve({ maxConnections: 3 });
  const checked = new CheckedSpec(URL_TEXT, resolved);
  assert.equal(resolveSpec(checked, resolveDefaults({ maxConnections: 9 })), resolved);
});

test("a downloader parses its defaults once", () => {
  const { defaults } = resolveDownloaderOptions({ defaults: { netrc: "machine a login b password c" } });
  const [first, second] = [1, 2].map(() => resolveSpec({ url: URL_TEXT }, defaults));
  assert.equal(first?.netrc, second?.netrc);
  assert.notEqual(first?.headers, second?.headers);
});

for (const given of [undefined, null, 7, true, []]) {
  test(`${JSON.stringify(given)} in place of options or of a spec is refused by name`, () => {
    const shown = Array.isArray(given) ? "[a list]" : String(given);
    refuses(TypeError, () => resolveDownloaderOptions(given as never), `options ${shown}`, "an object");
    refuses(TypeError, () => resolveSpec(given as never), `spec ${shown}`, "an object");
  });
}
