import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { inspect } from "node:util";
import { Downloader, type DownloaderOptions, type DownloadSpec } from "../../mod.ts";
import { NO_PROXIES } from "../../src/options/proxy.ts";
import { resolveNetwork } from "../../src/options/resolve_network.ts";
import { makeCertificate } from "../helpers/sockets/certificate.ts";
import { FaultServer } from "../../testing/mod.ts";
import { temporaryDirectory } from "../helpers/temp.ts";

type Options = Readonly<Record<string, unknown>>;

/** What is wrong, and what the error must say. Every value called s3cret is one. */
interface Bad {
  readonly options: Options;
  readonly says: RegExp;
  readonly kind?: typeof TypeError | typeof RangeError;
}

function assertRefused(attempt: () => unknown, { says, kind = TypeError }: Bad): void {
  assert.throws(attempt, (error: unknown) => {
    assert.ok(error instanceof Error);
    assert.equal(error.name, kind.name, error.message);
    assert.match(error.message, /^Cannot use [^\n]+[^.\n]$/);
    assert.match(error.message, says);
    assert.doesNotMatch(inspect(error, { showHidden: true, depth: Infinity }), /s3cret/);
    return true;
  });
}

/** Of a downloader and of a spec. */
const PROXIES: readonly Bad[] = [
  {
    options: { allProxy: "gopher://u:s3cret@h" },
    says: /"gopher:\/\/\*\*\*@h": there is no kind of proxy "gopher"/,
  },
  { options: { allProxy: "socks4://u:s3cret@h" }, says: /SOCKS4 .* is not supported; use socks5:/ },
  { options: { httpProxy: "http://" }, says: /the proxy "http:\/\/": expected a host/ },
  { options: { httpsProxy: "socks5://:1080" }, says: /the proxy "socks5:\/\/:1080": expected a host/ },
  { options: { allProxy: "http://u:s3cret@" }, says: /the proxy "http:\/\/\*\*\*@": expected a host/ },
  { options: { allProxy: "http://u:s3cret@h:99999" }, says: /@h:99999": expected a host and perhaps a port/ },
  { options: { allProxy: "http://u:s3cret@h:0" }, says: /@h:0": expected a host and perhaps a port/ },
  { options: { allProxy: "http://u:s3cret@h/path" }, says: /@h\/path": nothing may follow host and port/ },
  { options: { allProxy: "http://u:%zzs3cret@h" }, says: /not percent-encoded correctly/ },
  { options: { allProxy: "http://u:s3cret\0@h" }, says: /allProxy: it has a zero byte/ },
  { options: { allProxy: "" }, says: /allProxy ""/ },
  { options: { httpProxy: new URL("http://u:s3cret@h") }, says: /httpProxy \[object\]: expected a string/ },
  { options: { httpsProxy: ["http://u:s3cret@h"] }, says: /httpsProxy \[a list\]: expected a string/ },
  { options: { allProxy: { url: "s3cret" } }, says: /allProxy \[object\]/ },
  { options: { allProxy: 8080 }, says: /allProxy 8080: expected a string/ },
  { options: { allProxy: null }, says: /allProxy null: expected a string/ },
  { options: { proxy: "http://u:s3cret@h" }, says: /proxy .*expected false; allProxy names a proxy/ },
  { options: { proxy: true }, says: /proxy .*expected false/ },
  { options: { noProxy: ["localhost"] }, says: /noProxy \[a list\]: expected a string/ },
  { options: { noProxy: 7 }, says: /noProxy 7: expected a string/ },
];

/** Of a downloader alone. */
const NETWORK: readonly Bad[] = [
  {
    options: { dnsServers: ["1.1.1.1", "dns.example"] },
    says: /dnsServers entry "dns.example": expected an IP address/,
  },
  { options: { dnsServers: ["1.1.1.1:0"] }, says: /"1.1.1.1:0"/ },
  { options: { dnsServers: ["1.1.1.1:65536"] }, says: /"1.1.1.1:65536"/ },
  { options: { dnsServers: ["256.1.1.1"] }, says: /"256.1.1.1"/ },
  { options: { dnsServers: ["[::1"] }, says: /"\[::1"/ },
  { options: { dnsServers: [""] }, says: /dnsServers entry ""/ },
  { options: { dnsServers: "1.1.1.1" }, says: /dnsServers "1.1.1.1": expected a list/ },
  { options: { dnsServers: [7] }, says: /dnsServers entry 7: expected a string/ },
  { options: { dnsServers: null }, says: /dnsServers null/ },
  {
    options: { dohServers: ["http://dns.example/s3cret"] },
    says: /its scheme is "http:"; expected a URL such as https:/,
  },
  { options: { dohServers: ["dns.example"] }, says: /dohServers entry: it does not parse/ },
  {
    options: { dohServers: ["https://u:s3cret@dns.example/"] },
    says: /dns\.example has a user name or a password/,
  },
  {
    options: { dohServers: "https://u:s3cret@dns.example/?s3cret" },
    says: /dohServers "https:\/\/dns.example\/.*expected a list/,
  },
  { options: { dohServers: [new URL("https://dns.example/?s3cret")] }, says: /dohServers entry \[object\]/ },
  {
    options: { resolve: { "example.com": "192.0.2.1" } },
    says: /resolve entry "example.com": expected a host name and a port/,
  },
  { options: { resolve: { "example.com:0": "192.0.2.1" } }, says: /"example.com:0"/ },
  { options: { resolve: { "192.0.2.7:80": "192.0.2.1" } }, says: /"192.0.2.7:80"/ },
  { options: { resolve: { "a/b:80": "192.0.2.1" } }, says: /"a\/b:80"/ },
  {
    options: { resolve: { "a:80": "b.example" } },
    says: /resolve\["a:80"\] "b.example": expected an IP address/,
  },
  { options: { resolve: { "a:80": ["192.0.2.1", "x"] } }, says: /resolve\["a:80"\] "x"/ },
  { options: { resolve: { "a:80": [] } }, says: /resolve\["a:80"\]/ },
  { options: { resolve: { "a:80": 7 } }, says: /resolve\["a:80"\] 7/ },
  { options: { resolve: ["a:80:192.0.2.1"] }, says: /resolve \[a list\]: expected an object/ },
  { options: { resolve: "a:80:192.0.2.1" }, says: /resolve "a:80:192.0.2.1": expected an object/ },
  { options: { resolve: null }, says: /resolve null/ },
  { options: { enableIpv6: "no" }, says: /enableIpv6 "no": expected true or false/ },
  { options: { enableIpv6: 0 }, says: /enableIpv6 0/ },
  { options: { localAddress: "eth0" }, says: /localAddress "eth0": expected an IP address of this machine/ },
  { options: { localAddress: "10.0.0.0/8" }, says: /"10.0.0.0\/8"/ },
  { options: { localAddress: "127.0.0.1:80" }, says: /"127.0.0.1:80"/ },
  { options: { localAddress: "" }, says: /localAddress ""/ },
  { options: { localAddress: 7 }, says: /localAddress 7: expected a string/ },
  {
    options: { poolMaxIdlePerHost: -1 },
    says: /poolMaxIdlePerHost -1: .*from 0 to 100000/,
    kind: RangeError,
  },
  { options: { poolMaxIdlePerHost: 1.5 }, says: /poolMaxIdlePerHost 1.5/, kind: RangeError },
  { options: { poolMaxIdlePerHost: "4" }, says: /poolMaxIdlePerHost "4": expected a number/ },
  {
    options: { poolIdleTimeoutMs: 0 },
    says: /poolIdleTimeoutMs 0: .*from 1 to 2147483647/,
    kind: RangeError,
  },
  { options: { poolIdleTimeoutMs: 2 ** 31 }, says: /poolIdleTimeoutMs 2147483648/, kind: RangeError },
  { options: { poolIdleTimeoutMs: null }, says: /poolIdleTimeoutMs null/ },
  { options: { tls: 7 }, says: /tls 7: expected an object/ },
  { options: { tls: null }, says: /tls null: expected an object/ },
  { options: { tls: { insecure: "yes" } }, says: /tls.insecure "yes": expected true or false/ },
  {
    options: { tls: { cacert: "s3cret" } },
    says: /"cacert": there is no such option; did you mean cert\?$/,
  },
  { options: { tls: { ca: "s3cret" } }, says: /tls.ca: it is not a certificate; expected PEM text/ },
  { options: { tls: { ca: "" } }, says: /tls.ca: it is not a certificate/ },
  { options: { tls: { ca: ["s3cret"] } }, says: /tls.ca: it is not a certificate/ },
  { options: { tls: { ca: 7 } }, says: /tls.ca 7: expected PEM text/ },
  { options: { tls: { ca: null } }, says: /tls.ca null: expected PEM text/ },
  { options: { tls: { ca: [new Uint8Array(3)] } }, says: /tls.ca \[object\]: expected PEM text/ },
  { options: { tls: { key: "s3cret" } }, says: /tls.key alone: expected tls.cert with it/ },
  { options: { tls: { cert: "s3cret" } }, says: /tls.cert alone: expected tls.key with it/ },
  { options: { tls: { cert: "s3cret", key: "s3cret" } }, says: /tls.cert: it is not a certificate/ },
  { options: { tls: { cert: 7, key: 7 } }, says: /tls.cert 7: expected PEM text/ },
  {
    options: { dnsServer: ["1.1.1.1"] },
    says: /"dnsServer": there is no such option; did you mean dnsServers\?$/,
  },
];

/** Of a spec, and of the defaults for specs. */
const SPECS: readonly Bad[] = [
  {
    options: { headers: { "X-Key": "s3cret\r\nX-Other: s3cret" } },
    says: /headers: a name or a value is not allowed/,
  },
  { options: { headers: { Host: "s3cret" } }, says: /"host": each request gets its own/ },
  { options: { username: 7 }, says: /username and password: expected strings/ },
  { options: { username: "s3cret:s3cret" }, says: /the user name must have no colon/ },
  { options: { username: "u", password: "s3cret\n" }, says: /neither may have a control character/ },
  { options: { username: "s3cret\x7f" }, says: /neither may have a control character/ },
  { options: { username: "u", password: ["s3cret"] }, says: /username and password: expected strings/ },
  { options: { password: "s3cret" }, says: /password without username/ },
  { options: { username: "u", bearerToken: "s3cret" }, says: /both username and bearerToken/ },
  { options: { bearerToken: "s3cret token" }, says: /bearerToken: it has characters that no token has/ },
  { options: { bearerToken: "s3cret\r\nX: y" }, says: /bearerToken/ },
  { options: { bearerToken: "" }, says: /bearerToken/ },
  { options: { bearerToken: 7 }, says: /bearerToken/ },
  { options: { cookies: "id=s3cret" }, says: /cookies: line 1 is not of the Netscape format/ },
  { options: { cookies: ["s3cret"] }, says: /cookies: expected the text of a cookie file/ },
  { options: { allowDowngrade: "yes" }, says: /allowDowngrade "yes": expected true or false/ },
  { options: { refresh: "curl https://a.example/?s3cret" }, says: /refresh .*expected a function/ },
  { options: { refresh: {} }, says: /refresh \[object\]: expected a function/ },
  { options: { dnsServers: ["1.1.1.1"] }, says: /"dnsServers": there is no such option/ },
];

for (const bad of [...PROXIES, ...NETWORK]) {
  test(`73: a downloader with ${JSON.stringify(bad.options)} is refused`, () => {
    assertRefused(() => new Downloader(bad.options as DownloaderOptions), bad);
  });
}

for (const bad of [...PROXIES, ...SPECS]) {
  test(`73: a spec with ${JSON.stringify(bad.options)} is refused before a request, and leaves nothing`, async () => {
    await using dir = await temporaryDirectory();
    await using server = await FaultServer.start({ size: 1 });
    await using downloader = new Downloader();
    const spec: DownloadSpec = { url: server.url, outputDir: dir.path };
    assertRefused(() => downloader.download({ ...spec, ...bad.options }), bad);
    assertRefused(
      () => new Downloader({ defaults: bad.options as DownloaderOptions["defaults"] & object }),
      bad,
    );
    assert.equal(server.connections, 0);
    assert.deepEqual(await dir.list(), []);
  });
}

test("73: an address that this machine does not have is refused before a request, and leaves nothing", async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: 1 });
  await using downloader = new Downloader({ localAddress: "192.0.2.1" });
  const running = downloader.download({ url: server.url, outputDir: dir.path }).wait();
  await assert.rejects(
    running,
    /^TypeError: Cannot use localAddress "192\.0\.2\.1": this machine has no such/,
  );
  assert.equal(server.connections, 0);
  assert.deepEqual(await dir.list(), []);
});

test("a URL that is no text is not shown", () => {
  const downloader = new Downloader();
  for (const url of [["https://u:s3cret@h/?s3cret"], { href: "https://h/?s3cret" }, () => "s3cret"]) {
    const options = { url };
    assertRefused(() => downloader.download(options as unknown as DownloadSpec), {
      options,
      says: /url \[.*\]: expected a string or a URL/,
    });
  }
});

const NO_OPENSSL = spawnSync("openssl", ["version"]).status !== 0 && "the program openssl is not there";

test(
  "certificates and keys are judged, and taken in all forms of PEM text",
  { skip: NO_OPENSSL },
  async () => {
    await using dir = await temporaryDirectory();
    const paths = await makeCertificate(dir.path);
    const read = (path: string): Promise<string> => readFile(path, "utf8");
    const [ca, cert, key, other] = await Promise.all(
      [read(paths.caCert), read(paths.cert), read(paths.key), read(dir.join("ca.key"))],
    );
    const broken = "-----BEGIN CERTIFICATE-----\ns3cret\n-----END CERTIFICATE-----\n";
    for (const tls of [{ ca }, { ca: [ca, cert] }, { ca: `# of the house\n${ca}\n${cert}` }, { ca: [] }]) {
      assert.equal(resolveNetwork({ tls }).tls.identity, undefined);
    }
    assert.deepEqual(resolveNetwork({ tls: { cert, key } }).tls.identity, { cert, key });
    const [one, two, ...more] = resolveNetwork({ tls: { ca: `# of the house\n${ca}\n${cert}` } }).tls.ca;
    assert.deepEqual([one, two, more], [ca.trim(), cert.trim(), []]);
    const wrong: readonly (readonly [tls: Options, says: RegExp])[] = [
      [{ ca: key }, /tls.ca: it is not a certificate/],
      [{ ca: [ca, "s3cret"] }, /tls.ca: it is not a certificate/],
      [{ ca: `${ca}${broken}` }, /tls.ca: it is not a certificate/],
      [{ cert: key, key }, /tls.cert: it is not a certificate/],
      [{ cert, key: cert }, /tls.key: it is not a private key/],
      [{ cert, key: "s3cret" }, /tls.key: it is not a private key/],
      [{ cert, key: 7 }, /tls.key: it is not a private key/],
      [{ cert, key: other }, /tls.key: it belongs to another certificate than tls.cert/],
      [{ cert: ca, key }, /tls.key: it belongs to another certificate than tls.cert/],
    ];
    for (const [tls, says] of wrong) {
      const options = { tls };
      assertRefused(() => new Downloader(options as DownloaderOptions), { options, says });
    }
  },
);

test("an IPv6 address is refused where IPv6 is switched off", () => {
  for (const options of [{ dnsServers: ["2606:4700:4700::1111"] }, { localAddress: "::1" }]) {
    resolveNetwork(options);
    assert.throws(
      () => resolveNetwork({ ...options, enableIpv6: false }),
      (error: unknown) => error instanceof TypeError && /with enableIpv6 false/.test(error.message),
    );
  }
});

test("what may be is taken", () => {
  const network = resolveNetwork({
    allProxy: "socks5h://u:p@proxy.example",
    noProxy: "localhost,10.0.0.0/8",
    dnsServers: ["1.1.1.1", "8.8.8.8:5353"],
    dohServers: ["https://dns.example/dns-query"],
    resolve: { "Example.com:443": "192.0.2.1", "*:80": ["192.0.2.2", "2001:db8::1"] },
    enableIpv6: false,
    localAddress: "127.0.0.1",
    tls: { insecure: true },
    poolMaxIdlePerHost: 0,
    poolIdleTimeoutMs: 1,
  });
  assert.deepEqual(network, {
    proxies: {
      ...NO_PROXIES,
      all: { protocol: "socks5h", host: "proxy.example", port: 1080, username: "u", password: "p" },
      noProxy: "localhost,10.0.0.0/8",
    },
    dnsServers: [
      { address: "1.1.1.1", port: 53 },
      { address: "8.8.8.8", port: 5353 },
    ],
    dohServers: ["https://dns.example/dns-query"],
    overrides: new Map([["example.com:443", ["192.0.2.1"]], ["*:80", ["192.0.2.2", "2001:db8::1"]]]),
    enableIpv6: false,
    localAddress: "127.0.0.1",
    tls: { ca: [], identity: undefined, insecure: true },
    poolMaxIdlePerHost: 0,
    poolIdleTimeoutMs: 1,
  });
});
