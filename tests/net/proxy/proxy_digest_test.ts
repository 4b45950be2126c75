import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { Downloader, DownloadError, type DownloadSpec } from "../../../mod.ts";
import { makeCertificate } from "../../helpers/sockets/certificate.ts";
import { assertFileIs } from "../../../testing/content.ts";
import { DigestDouble, type DigestDoubleOptions } from "../../helpers/sockets/digest_double.ts";
import { FaultServer, type RecordedRequest, type Reply } from "../../../testing/mod.ts";
import { parseRequestHead } from "../../../testing/request.ts";
import { Talker } from "../../helpers/sockets/talker.ts";
import { temporaryDirectory } from "../../helpers/temp.ts";
import { TlsFront } from "../../helpers/sockets/tls_front.ts";
import { SMALL_FILE } from "../../helpers/small_file.ts";

const SEED = 7;
const SIZE = 400_000;
const SPEC = {
  ...SMALL_FILE,
  maxConnections: 3,
  minSegmentSize: 32_768,
  pieceSize: 32_768,
  maxRetries: 0,
} as const;

/** Downloads one file, and returns the failure, if there is one. */
async function download(spec: DownloadSpec, ca?: string): Promise<DownloadError | undefined> {
  await using dir = await temporaryDirectory();
  await using downloader = new Downloader(ca === undefined ? {} : { tls: { ca } });
  const outputPath = dir.join("out.bin");
  const error: unknown = await downloader.download({ ...SPEC, outputPath, ...spec }).wait().then(
    () => undefined,
    (reason) => reason,
  );
  if (error === undefined) await assertFileIs(outputPath, SEED, SIZE);
  else if (!(error instanceof DownloadError)) throw error;
  assert.doesNotMatch(String(error?.message), /s3cret/);
  return error;
}

function part({ range }: RecordedRequest): Reply {
  const { start, end } = range!;
  return { range: { start, end: Math.min(end, start + 40_000) } };
}

/** A proxy that forwards: it has the file itself, for everybody whom `double` lets in. */
function forwarding(double: DigestDouble): Promise<FaultServer> {
  return FaultServer.start({
    ...{ size: SIZE, seed: SEED },
    respond: (request) => double.refuse(request) ?? part(request),
  });
}

const proxyAt = (host: string, password = "s3cret"): string => `http://me:${password}@${host}`;

const KINDS: Readonly<Record<string, DigestDoubleOptions>> = {
  "MD5": { algorithm: "MD5", qop: "auth" },
  "SHA-256": { algorithm: "SHA-256", qop: "auth" },
  "MD5 beside Basic": { algorithm: "MD5", qop: "auth", around: ['Basic realm="p", ', ""] },
  "neither algorithm nor qop": {},
};

for (const [what, options] of Object.entries(KINDS)) {
  test(`129 a proxy that forwards and asks for Digest, ${what}, is answered`, async () => {
    const double = new DigestDouble({ ...options, isProxy: true });
    await using proxy = await forwarding(double);
    assert.equal(
      await download({ url: "http://files.test/file.bin", httpProxy: proxyAt(new URL(proxy.url).host) }),
      undefined,
    );
    assert.deepEqual([double.refusals, double.faults], [1, []]);
    assert.ok(proxy.requests.length > 5, `${proxy.requests.length} requests`);
    assert.ok(proxy.requests.every(({ headers }) => headers["authorization"] === undefined));
  });
}

test("129 a proxy whose nonce is stale after some requests is answered again", async () => {
  const double = new DigestDouble({ qop: "auth", isProxy: true, requestsPerNonce: 3 });
  await using proxy = await forwarding(double);
  const httpProxy = proxyAt(new URL(proxy.url).host);
  assert.equal(
    await download({ url: "http://files.test/file.bin", httpProxy, maxConnections: 1 }),
    undefined,
  );
  assert.ok(double.refusals > 2, `${double.refusals} refusals`);
  assert.deepEqual(double.faults, []);
});

/** A proxy that opens tunnels to one place, for everybody whom `double` lets in. */
function tunnelling(to: string, double: DigestDouble): Promise<Talker> {
  const refuse = (client: Socket, text: string): void => {
    const head = parseRequestHead(text)!;
    const refusal = double.refuse(head);
    if (refusal !== undefined) {
      const fields = Object.entries(refusal.headers).map(([name, value]) => `${name}: ${value}\r\n`).join("");
      client.end(
        `HTTP/1.1 407 Who?\r\n${fields}Content-Length: ${refusal.body.length}\r\n\r\n${refusal.body}`,
      );
      return;
    }
    const [host, port] = to.split(":");
    const server = connect(Number(port), host);
    server.on("error", () => client.destroy());
    server.on("close", () => client.destroy());
    client.on("close", () => server.destroy());
    client.write("HTTP/1.1 200 Go on\r\n\r\n");
    client.pipe(server).pipe(client);
  };
  return Talker.start((client) => {
    let text = Buffer.alloc(0);
    const read = (bytes: Buffer): void => {
      text = Buffer.concat([text, bytes]);
      const end = text.indexOf("\r\n\r\n");
      if (end < 0) return;
      client.off("data", read);
      refuse(client, text.toString("latin1", 0, end));
    };
    client.on("data", read);
  });
}

const NO_OPENSSL = spawnSync("openssl", ["version"]).status !== 0 && "the program openssl is not there";

test("129 a proxy that asks for Digest before it opens a tunnel is answered, once for all", {
  skip: NO_OPENSSL,
}, async () => {
  await using keys = await temporaryDirectory();
  const certificate = await makeCertificate(keys.path);
  await using server = await FaultServer.start({
    size: SIZE,
    seed: SEED,
    respond: (request) => ({ ...part(request), delayMs: 30 }),
  });
  await using front = await TlsFront.start(server.url, certificate);
  const ca = await readFile(certificate.caCert, "utf8");
  for (const algorithm of ["MD5", "SHA-256"] as const) {
    const double = new DigestDouble({ algorithm, qop: "auth", isProxy: true });
    await using proxy = await tunnelling(front.host, double);
    assert.equal(await download({ url: front.url, httpsProxy: proxyAt(proxy.host) }, ca), undefined);
    assert.deepEqual([double.refusals, double.faults], [1, []]);
    assert.ok(proxy.connections > 2, `${proxy.connections} connections`);
    assert.ok(server.requests.every(({ headers }) => headers["proxy-authorization"] === undefined));

    const refused = await download({ url: front.url, httpsProxy: proxyAt(proxy.host, "wrong") }, ca);
    assert.match(
      refused!.message,
      /^Cannot use the proxy .*: it refuses the user name or the password \(407\)$/,
    );
  }
});

/** What a proxy asks for, and what is said of it. */
const ASKED: readonly (readonly [field: string, proxy: (host: string) => string, text: RegExp])[] = [
  [
    'Digest realm="p", nonce="n"',
    (host) => `http://${host}`,
    /it asks for a user name and a password \(407\)$/,
  ],
  [
    'Digest realm="p", nonce="n", algorithm=SHA-9',
    proxyAt,
    /it asks for Digest with the algorithm SHA-9, which is not supported \(407\)$/,
  ],
  ["Negotiate, NTLM", proxyAt, /it asks for Negotiate or NTLM, which is not supported \(407\)$/],
  ['Basic realm="p"', proxyAt, /it refuses the user name or the password \(407\)$/],
];

for (const [field, proxyFor, text] of ASKED) {
  test(`138 a proxy that asks for ${field}: the message says so`, async () => {
    const Reply = `HTTP/1.1 407 Who?\r\nProxy-Authenticate: ${field}\r\nContent-Length: 0\r\n\r\n`;
    await using proxy = await Talker.start((socket) => void socket.once("data", () => socket.end(Reply)));
    for (const url of ["http://files.test/x", "https://files.test/x"]) {
      const error = await download({ url, allProxy: proxyFor(proxy.host) });
      assert.deepEqual([error?.code, error?.retryable], ["proxy", false]);
      assert.match(error!.message, text);
    }
  });
}

test("112 cookies and what netrc says go through a tunnel to the server, and the proxy is not told", {
  skip: NO_OPENSSL,
}, async () => {
  await using keys = await temporaryDirectory();
  const certificate = await makeCertificate(keys.path);
  await using server = await FaultServer.start({ size: SIZE, seed: SEED });
  await using front = await TlsFront.start(server.url, certificate);
  const asked: string[] = [];
  const double = new DigestDouble({ qop: "auth", isProxy: true });
  const refuse = double.refuse.bind(double);
  double.refuse = (request) => {
    asked.push(JSON.stringify(request.headers));
    return refuse(request);
  };
  await using proxy = await tunnelling(front.host, double);
  const error = await download({
    ...{ url: front.url, httpsProxy: proxyAt(proxy.host), headers: { "X-Key": "sekrit" } },
    cookies: ["127.0.0.1", "FALSE", "/", "TRUE", "0", "id", "sekrit"].join("\t"),
    netrc: "machine 127.0.0.1 login sekrit password sekrit",
  }, await readFile(certificate.caCert, "utf8"));
  assert.equal(error, undefined);
  assert.ok(asked.length > 1, `${asked.length} requests`);
  assert.doesNotMatch(asked.join(), /sekrit|"cookie"|"authorization"/i);
  assert.ok(
    server.requests.every(({ headers }) => headers["cookie"] === "id=sekrit" && headers["authorization"]),
  );
});
