import assert from "node:assert/strict";
import { inspect } from "node:util";
import { test } from "node:test";
import { Downloader, type DownloadError, type DownloadSpec, HttpStatusError } from "../../mod.ts";
import { assertFileIs } from "../../testing/content.ts";
import { DigestDouble, type DigestDoubleOptions } from "../helpers/sockets/digest_double.ts";
import { FaultServer, type RecordedRequest, type Reply } from "../../testing/mod.ts";
import { temporaryDirectory } from "../helpers/temp.ts";
import { SMALL_FILE } from "../helpers/small_file.ts";

const SEED = 129;
const SIZE = 1_500_000;
const STEP_BYTES = 60_000;
const SPEC = { ...SMALL_FILE, maxConnections: 4, pieceSize: 16_384, maxRetries: 0 } as const;
const USER = { username: "me", password: "s3cret" } as const;

function part({ range }: RecordedRequest): Reply {
  const { start, end } = range!;
  return { range: { start, end: Math.min(end, start + STEP_BYTES) } };
}

interface Outcome {
  readonly requests: readonly RecordedRequest[];
  readonly error: DownloadError | undefined;
  readonly told: string;
}

/** Downloads from a server that answers as it is told, and checks the file when there is one. */
async function download(
  respond: (request: RecordedRequest) => Reply,
  spec: (url: string) => Partial<DownloadSpec>,
): Promise<Outcome> {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: SIZE, seed: SEED, respond });
  const told: unknown[] = [];
  await using downloader = new Downloader({ logger: (...entry) => void told.push(entry) });
  const handle = downloader.download({
    ...{ ...SPEC, url: `${server.url}?a=b%20c`, outputPath: dir.join("out.bin") },
    ...spec(server.url),
  });
  const error = await handle.wait().then(() => undefined, (reason) => reason);
  if (error === undefined) await assertFileIs(dir.join("out.bin"), SEED, SIZE);
  told.push(error, handle);
  return { requests: server.requests, error, told: inspect(told, { depth: Infinity }) };
}

const protectedBy = (double: DigestDouble) => (request: RecordedRequest) =>
  double.refuse(request) ?? part(request);

const KINDS: Readonly<Record<string, DigestDoubleOptions>> = {
  "without algorithm and qop": {},
  "MD5": { algorithm: "MD5", qop: "auth" },
  "MD5 with a choice of qualities": { algorithm: "MD5", qop: "auth-int, auth" },
  "MD5-sess": { algorithm: "MD5-sess", qop: "auth" },
  "MD5-sess without qop": { algorithm: "MD5-sess" },
  "SHA-256": { algorithm: "SHA-256", qop: "auth" },
  "SHA-256-sess": { algorithm: "SHA-256-sess", qop: "auth" },
  "SHA-256 with a hashed name": { algorithm: "SHA-256", qop: "auth", userhash: true },
  "Basic beside it": { algorithm: "MD5", qop: "auth", around: ['Basic realm="x, y", ', ""] },
  "others around it": {
    ...{ algorithm: "SHA-256", qop: "auth" },
    around: [
      'Negotiate, Digest realm="x", nonce="x", algorithm=NEW, ',
      ', Digest realm="y", nonce="y", Bearer',
    ],
  },
};

for (const [what, options] of Object.entries(KINDS)) {
  test(`129 Digest, ${what}: answered, and refused but once for all connections`, async () => {
    const double = new DigestDouble(options);
    const { requests, error, told } = await download(protectedBy(double), () => USER);
    assert.equal(error, undefined);
    assert.deepEqual([double.refusals, double.faults], [1, []]);
    assert.ok(requests.length > SIZE / STEP_BYTES, `${requests.length} requests`);
    assert.ok(requests.slice(1).every(({ headers }) => headers["authorization"]?.startsWith("Digest ")));
    assert.doesNotMatch(told, /s3cret/);
  });
}

const WAYS: Readonly<Record<string, (url: string) => Partial<DownloadSpec>>> = {
  "in the URL": (url) => ({ url: url.replace("://", "://me:s3cret@") }),
  "in netrc": () => ({ netrc: "machine 127.0.0.1 login me password s3cret" }),
  "as the default of netrc": () => ({ netrc: "default login me password s3cret" }),
  "as a Basic field": () => ({ headers: { authorization: `Basic ${btoa("me:s3cret")}` } }),
};

for (const [what, spec] of Object.entries(WAYS)) {
  test(`129 Digest is answered with a user given ${what}`, async () => {
    const double = new DigestDouble({ qop: "auth" });
    const { error } = await download(protectedBy(double), spec);
    assert.deepEqual([error, double.refusals, double.faults], [undefined, 1, []]);
  });
}

for (const saysStale of [true, false]) {
  test(`129 a nonce that is good for a few requests, ${saysStale ? "and then stale" : "not called stale"}`, async () => {
    const double = new DigestDouble({ algorithm: "MD5", qop: "auth", requestsPerNonce: 3, saysStale });
    const { requests, error } = await download(protectedBy(double), () => ({ ...USER, maxConnections: 1 }));
    assert.deepEqual([error, double.faults], [undefined, []]);
    const served = requests.filter(({ status }) => status !== 401).length;
    assert.equal(double.refusals, Math.ceil(served / 3));
  });
}

test("129 a nonce that goes stale under four connections costs a refusal for each of them at most", async () => {
  const double = new DigestDouble({ algorithm: "MD5", qop: "auth", requestsPerNonce: 8 });
  const { requests, error } = await download(protectedBy(double), () => USER);
  assert.deepEqual([error, double.faults], [undefined, []]);
  const served = requests.filter(({ status }) => status !== 401).length;
  assert.ok(
    double.refusals > 1 && double.refusals <= 1 + 4 * Math.ceil(served / 8),
    `${double.refusals} refusals`,
  );
});

test("129 a server that calls every nonce stale is asked four times and no more", async () => {
  const double = new DigestDouble({ qop: "auth", requestsPerNonce: 0 });
  const { requests, error } = await download(protectedBy(double), () => USER);
  assert.ok(error instanceof HttpStatusError && error.status === 401);
  assert.ok(requests.length <= 4, `${requests.length} requests`);
});

test("129 a wrong password is an error after one answer", async () => {
  const double = new DigestDouble({ algorithm: "SHA-256", qop: "auth", password: "another" });
  const { requests, error, told } = await download(protectedBy(double), () => USER);
  assert.ok(error instanceof HttpStatusError && error.status === 401 && !error.retryable);
  assert.equal(requests.length, 2);
  assert.doesNotMatch(told, /s3cret/);
});

test("129 a server that changes from Basic to Digest half-way is answered", async () => {
  const double = new DigestDouble({ qop: "auth" });
  const { error } = await download(
    (request) => request.index > 4 ? protectedBy(double)(request) : part(request),
    () => USER,
  );
  assert.deepEqual([error, double.faults], [undefined, []]);
  assert.ok(double.refusals >= 1 && double.refusals <= 4);
});

test("129 a redirect within the origin is answered for the URL that it names", async () => {
  const double = new DigestDouble({ qop: "auth" });
  const { error, requests } = await download(
    (request) =>
      request.path === "/there?x=%2f"
        ? protectedBy(double)(request)
        : { status: 302, headers: { Location: "/there?x=%2f" } },
    () => USER,
  );
  assert.deepEqual([error, double.faults, double.refusals], [undefined, [], 1]);
  assert.equal(requests.filter(({ path }) => path !== "/there?x=%2f").length, 1);
});

test("129 another origin that asks for Digest gets no answer, and none comes back to the first one", async () => {
  const double = new DigestDouble({ qop: "auth" });
  await using other = await FaultServer.start({ size: SIZE, seed: SEED, respond: protectedBy(double) });
  const { error } = await download(() => ({ status: 302, headers: { Location: other.url } }), () => USER);
  assert.ok(error instanceof HttpStatusError && error.status === 401);
  assert.ok(other.requests.length >= 1, `${other.requests.length} requests`);
  assert.ok(other.requests.every(({ headers }) => headers["authorization"] === undefined));
});

test("129 another host that asks for Digest gets what netrc says of it", async () => {
  const double = new DigestDouble({ qop: "auth", algorithm: "SHA-256" });
  await using other = await FaultServer.start({ size: SIZE, seed: SEED, respond: protectedBy(double) });
  const Location = other.url.replace("127.0.0.1", "localhost");
  const { error, requests } = await download(
    () => ({ status: 302, headers: { Location } }),
    () => ({ ...{ username: "own", password: "own" }, netrc: "machine localhost login me password s3cret" }),
  );
  assert.deepEqual([error, double.faults, double.refusals], [undefined, [], 1]);
  assert.equal(requests[0]?.headers["authorization"], `Basic ${btoa("own:own")}`);
});

/** What a server wants, and what the message says of it. */
const WANTED: Readonly<Record<string, readonly [field: string, spec: Partial<DownloadSpec>, text: RegExp]>> =
  {
    "Digest, and nobody is given": [
      'Digest realm="x", nonce="n"',
      {},
      /401 \(it requires valid credentials: Digest\)/,
    ],
    "Digest with an algorithm that is not known": [
      ...['Digest realm="x", nonce="n", algorithm=SHA-9', USER] as const,
      /401 \(it requires valid credentials: Digest with the algorithm SHA-9, which is not supported\)/,
    ],
    "Negotiate": [
      "Negotiate",
      USER,
      /401 \(it requires valid credentials: Negotiate, which is not supported\)/,
    ],
    "Negotiate or NTLM": ["Negotiate, NTLM", USER, /Negotiate or NTLM, which is not supported/],
    "Digest, and a token is given": [
      ...['Digest realm="x", nonce="n"', { bearerToken: "t" }] as const,
      /401 \(it requires valid credentials: Digest\)/,
    ],
    "nothing that it says": ["", USER, /401 \(it requires valid credentials\)$/],
  };

for (const [what, [field, spec, text]] of Object.entries(WANTED)) {
  test(`138 a server wants ${what}: the message says so`, async () => {
    const headers = field === "" ? {} : { "WWW-Authenticate": field };
    const { error } = await download(() => ({ status: 401, headers }), () => spec);
    assert.ok(error instanceof HttpStatusError, String(error));
    assert.match(error.message, text);
  });
}
