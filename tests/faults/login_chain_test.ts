import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { inspect } from "node:util";
import { Downloader, type DownloadHandle, type DownloadSpec } from "../../mod.ts";
import { makeCertificate } from "../helpers/sockets/certificate.ts";
import { assertFileIs } from "../../testing/content.ts";
import { FaultServer, type RecordedRequest, type Reply } from "../../testing/mod.ts";
import { temporaryDirectory } from "../helpers/temp.ts";
import { TlsFront } from "../helpers/sockets/tls_front.ts";
import { SMALL_FILE } from "../helpers/small_file.ts";

const SEED = 99;
const SIZE = 600_000;
const STEP_BYTES = 100_000;
const SPEC = { ...SMALL_FILE, maxConnections: 3, pieceSize: 16_384, maxRetries: 0 } as const;
const DATA = "data.example.test";
const LOGIN = "login.example.test";
const STORE = "store.test";
const NETRC = `machine ${LOGIN} login net password s3cret-rc\n`;
const basic = (text: string): string => `Basic ${btoa(text)}`;

/** A request, by the host that it names. */
interface Asked extends RecordedRequest {
  readonly host: string;
  readonly cookie: string | undefined;
  readonly authorization: string | undefined;
}

/** Hosts that a server stands for: what each answers. */
type Hosts = Readonly<Record<string, (asked: Asked) => Reply | undefined>>;

const to = (Location: string, ...cookies: readonly string[]): Reply => ({
  status: 302,
  headers: { Location, ...(cookies.length > 0 && { "Set-Cookie": cookies }) },
});

/** A part of the file. */
function part({ range }: RecordedRequest): Reply {
  const { start, end } = range!;
  return { range: { start, end: Math.min(end, start + STEP_BYTES) } };
}

/** One server under many names, and a downloader that finds it under each of them. */
class Chain implements AsyncDisposable {
  readonly server: FaultServer;
  readonly port: string;
  readonly told: unknown[] = [];
  readonly #downloader: Downloader;

  private constructor(server: FaultServer) {
    this.server = server;
    this.port = new URL(server.url).port;
    this.#downloader = new Downloader({
      resolve: { [`*:${this.port}`]: "127.0.0.1" },
      logger: (...entry) => void this.told.push(entry),
    });
  }

  static async start(hosts: (at: (host: string) => string) => Hosts): Promise<Chain> {
    const answers = hosts((host) => `http://${host}:${new URL(server.url).port}`);
    const server: FaultServer = await FaultServer.start({
      ...{ size: SIZE, seed: SEED },
      respond: (request) => {
        const asked = asAsked(request);
        return answers[asked.host]?.(asked) ?? { status: 404 };
      },
    });
    return new Chain(server);
  }

  /** What was asked of each host, in order. */
  get asked(): readonly Asked[] {
    return this.server.requests.map(asAsked);
  }

  begin(outputPath: string, spec: Partial<DownloadSpec> = {}): DownloadHandle {
    return this.#downloader.download({
      ...SPEC,
      url: `http://${DATA}:${this.port}/dir/file`,
      outputPath,
      ...spec,
    });
  }

  /** Downloads, and returns what was asked for that. */
  async complete(spec: Partial<DownloadSpec> = {}): Promise<readonly Asked[]> {
    await using dir = await temporaryDirectory();
    await this.begin(dir.join("out.bin"), spec).wait();
    await assertFileIs(dir.join("out.bin"), SEED, SIZE);
    assert.deepEqual(await dir.list(), ["out.bin"]);
    return this.asked;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#downloader.close();
    await this.server.stop();
  }
}

function asAsked(request: RecordedRequest): Asked {
  const { host = "", cookie, authorization } = request.headers;
  return { ...request, host: host.replace(/:\d+$/, ""), cookie, authorization };
}

/** The file for whoever has the session, a way to the login host for others. */
const dataHost = (at: (host: string) => string, session = /(^|; )session=1(;|$)/): Hosts => ({
  [DATA]: (asked) => {
    if (asked.path.startsWith("/dir/return?code=7")) return to("/dir/file", "session=1; Path=/dir; HttpOnly");
    return session.test(asked.cookie ?? "") ? part(asked) : to(`${at(LOGIN)}/oauth?client=data`);
  },
});

/** Lets in who says the right thing, and sends them back. */
const loginHost = (at: (host: string) => string, isKnown: (asked: Asked) => boolean): Hosts => ({
  [LOGIN]: (asked) =>
    isKnown(asked)
      ? to(`${at(DATA)}/dir/return?code=7`, "login=1; Path=/; Secure", "seen=1")
      : { status: 401, headers: { "WWW-Authenticate": 'Basic realm="login"' }, body: "who are you?" },
});

const byNetrc = ({ authorization }: Asked): boolean => authorization === basic("net:s3cret-rc");

test("99 file, login host, file: netrc opens the login host, and every connection has the session", async () => {
  await using chain = await Chain.start((at) => ({ ...dataHost(at), ...loginHost(at, byNetrc) }));
  const asked = await chain.complete({ netrc: `machine other.test login no password no\n${NETRC}` });
  const [first, login, back, ...parts] = asked;
  assert.deepEqual([first, login, back].map((it) => it?.host), [DATA, LOGIN, DATA]);
  assert.ok(parts.length >= SIZE / STEP_BYTES, `${parts.length} parts`);
  assert.ok(parts.every(({ host, cookie }) => host === DATA && cookie === "session=1"));
  // Nobody but the login host hears of the password.
  assert.ok(asked.every(({ host, authorization }) => (authorization !== undefined) === (host === LOGIN)));
});

test("99 the same by a cookie of the caller's file for the login host, which goes there alone", async () => {
  const known = ({ cookie }: Asked) => cookie === "sso=s3cret";
  await using chain = await Chain.start((at) => ({ ...dataHost(at), ...loginHost(at, known) }));
  const cookies = [
    [LOGIN, "FALSE", "/", "FALSE", "0", "sso", "s3cret"],
    ["elsewhere.test", "TRUE", "/", "FALSE", "0", "no", "no"],
  ].map((fields) => fields.join("\t")).join("\n");
  const asked = await chain.complete({ cookies });
  assert.ok(asked.every(({ host, cookie }) => (cookie ?? "").includes("sso=s3cret") === (host === LOGIN)));
  assert.ok(asked.every(({ cookie }) => !(cookie ?? "").includes("no=")));
});

test("99 a login host that sets the session for all hosts of its domain", async () => {
  await using chain = await Chain.start((at) => ({
    ...dataHost(at),
    [LOGIN]: () => to(`${at(DATA)}/dir/file`, "session=1; Domain=example.test; Path=/"),
  }));
  const asked = await chain.complete();
  assert.deepEqual(asked.slice(0, 2).map(({ host }) => host), [DATA, LOGIN]);
  assert.ok(asked.slice(2).every(({ host, cookie }) => host === DATA && cookie === "session=1"));
});

test("99 a server that redirects to the same URL once it has set its cookie", async () => {
  await using chain = await Chain.start(() => ({
    [DATA]: (asked) => asked.cookie === "checked=1" ? part(asked) : to(asked.path, "checked=1"),
  }));
  const [first, ...rest] = await chain.complete();
  assert.equal(first?.cookie, undefined);
  assert.ok(rest.length > 1 && rest.every(({ cookie }) => cookie === "checked=1"));
});

test("99 file, login host, file, signed URL of another host, which is told nothing", async () => {
  const signed = `/object?signature=s3cret`;
  await using chain = await Chain.start((at) => ({
    ...loginHost(at, byNetrc),
    [DATA]: (asked) =>
      dataHost(at)[DATA]!(asked)?.status === 302 ? dataHost(at)[DATA]!(asked) : to(`${at(STORE)}${signed}`),
    [STORE]: (asked) => asked.path === signed ? part(asked) : undefined,
  }));
  const asked = await chain.complete({ netrc: NETRC, headers: { "X-Api-Key": "s3cret" } });
  const store = asked.filter(({ host }) => host === STORE);
  assert.equal(asked.length - store.length, 4);
  assert.ok(store.length >= SIZE / STEP_BYTES, `${store.length} requests to the store`);
  const fields = store.flatMap(({ headers }) => Object.keys(headers));
  assert.deepEqual(fields.filter((name) => /^(cookie|authorization|x-api-key)$/.test(name)), []);
});

test("99 a session that ends half-way is begun again, by whatever way the server says so", async () => {
  for (const refusal of ["redirect", 401, 403] as const) {
    let session = 1;
    let parts = 0;
    await using chain = await Chain.start((at) => ({
      ...loginHost(at, byNetrc),
      [DATA]: (asked) => {
        if (asked.path.startsWith("/dir/return")) return to("/dir/file", `session=${session}; Path=/dir`);
        if (asked.cookie === `session=${session}`) {
          if (++parts !== 4) return part(asked);
          session++;
        }
        // The original URL, asked again, comes with the old session, and with what is for its origin.
        const isOriginal = asked.headers["x-key"] === "1";
        return isOriginal || refusal === "redirect" ? to(`${at(LOGIN)}/oauth`) : { status: refusal };
      },
    }));
    const asked = await chain.complete({ netrc: NETRC, headers: { "X-Key": "1" } });
    assert.ok(asked.filter(({ host }) => host === LOGIN).length >= 2, String(refusal));
    assert.ok(asked.some(({ cookie }) => cookie === "session=2"));
  }
});

test("99 the default of netrc is for the host of the caller's URL, and not for one that a redirect names", async () => {
  await using chain = await Chain.start((at) => ({
    ...loginHost(at, () => false),
    [DATA]: () => to(`${at(LOGIN)}/oauth`),
  }));
  await using dir = await temporaryDirectory();
  const running = chain.begin(dir.join("out.bin"), { netrc: "default login any password s3cret" }).wait();
  await assert.rejects(running, { code: "http_status", status: 401 });
  const said = chain.asked.map(({ host, authorization }) => [host, authorization]);
  assert.deepEqual(said.slice(0, 2), [[DATA, basic("any:s3cret")], [LOGIN, undefined]]);
  assert.ok(said.every(([host, authorization]) => host === DATA || authorization === undefined));
});

const OWN: Readonly<Record<string, readonly [spec: (url: string) => Partial<DownloadSpec>, field: string]>> =
  {
    "username": [() => ({ username: "me", password: "own" }), basic("me:own")],
    "a user in the URL": [(url) => ({ url: url.replace("://", "://me:own@") }), basic("me:own")],
    "bearerToken": [() => ({ bearerToken: "own" }), "Bearer own"],
    "a header": [() => ({ headers: { Authorization: "Own x" } }), "Own x"],
  };

for (const [what, [spec, field]] of Object.entries(OWN)) {
  test(`99 ${what} goes before netrc at the caller's origin, and netrc still opens the login host`, async () => {
    await using chain = await Chain.start((at) => ({ ...dataHost(at), ...loginHost(at, byNetrc) }));
    const netrc = `${NETRC}machine ${DATA} login data password rc`;
    const [first, login, ...rest] = await chain.complete({
      netrc,
      ...spec(`http://${DATA}:${chain.port}/dir/file`),
    });
    assert.deepEqual([first, login].map((it) => it?.authorization), [field, basic("net:s3cret-rc")]);
    // What is for the caller's origin does not come back, what is for a host by its name does.
    assert.ok(rest.length > 1 && rest.every(({ authorization }) => authorization === basic("data:rc")));
  });
}

test("99 netrc goes to exactly the host that it names", async () => {
  const hosts = [`a.${LOGIN}`, "example.test", `${LOGIN}.evil.test`, "evil.test"];
  await using chain = await Chain.start((at) => {
    const steps = [DATA, ...hosts];
    return Object.fromEntries(steps.map((host, index) => [
      host,
      (asked: Asked) => index === hosts.length ? part(asked) : to(`${at(steps[index + 1]!)}/next`),
    ]));
  });
  const asked = await chain.complete({ netrc: NETRC });
  assert.equal(new Set(asked.map(({ host }) => host)).size, 5);
  assert.ok(asked.every(({ authorization }) => authorization === undefined));
});

test("112 a Cookie field of the caller's goes to the caller's origin alone, beside the cookies of servers", async () => {
  await using chain = await Chain.start((at) => ({ ...dataHost(at), ...loginHost(at, () => true) }));
  const [first, login, back, ...parts] = await chain.complete({ headers: { Cookie: "own=s3cret" } });
  assert.deepEqual([first, login, back].map((it) => it?.cookie), ["own=s3cret", undefined, undefined]);
  assert.ok(parts.every(({ cookie }) => cookie === "session=1"));
});

test("112 within the caller's origin its Cookie field stays, and what the server sets is added", async () => {
  await using chain = await Chain.start(() => ({
    [DATA]: (asked) =>
      asked.cookie === "own=s3cret; set=1" ? part(asked) : to("/dir/there", "set=1", "own=other"),
  }));
  const asked = await chain.complete({ headers: { Cookie: "own=s3cret" } });
  assert.equal(asked[0]?.cookie, "own=s3cret");
  assert.ok(asked.length > 2, `${asked.length} requests`);
});

test("112 what refresh supplies for another origin gets neither user nor cookies of the old one", async () => {
  await using chain = await Chain.start(() => ({
    [DATA]: (asked) =>
      asked.range!.start === 0
        ? { ...part(asked), headers: { "Set-Cookie": "set=s3cret; Path=/" } }
        : { status: 403 },
    [STORE]: part,
  }));
  const cookies = [DATA, "FALSE", "/", "FALSE", "0", "id", "s3cret"].join("\t");
  const netrc = `machine ${DATA} login a password s3cret\ndefault login b password s3cret`;
  const asked = await chain.complete({
    ...{ cookies, netrc, maxConnections: 1, headers: { "X-Key": "s3cret" } },
    refresh: () => Promise.resolve({ url: `http://${STORE}:${chain.port}/fresh` }),
  });
  const store = asked.filter(({ host }) => host === STORE);
  assert.ok(store.length >= 2, `${store.length} requests to the store`);
  assert.doesNotMatch(
    JSON.stringify(store.map(({ rawHeaders }) => rawHeaders)),
    /s3cret|authorization|cookie/i,
  );
  assert.equal(asked[0]?.authorization, basic("a:s3cret"));
  assert.ok(asked.some(({ cookie }) => cookie === "id=s3cret; set=s3cret"));
});

test("112 a checksum list on another host gets neither cookies nor netrc", async () => {
  await using chain = await Chain.start(() => ({ [DATA]: part, [STORE]: () => ({ status: 404 }) }));
  await using dir = await temporaryDirectory();
  const running = chain.begin(dir.join("out.bin"), {
    cookies: [STORE, "FALSE", "/", "FALSE", "0", "id", "s3cret"].join("\t"),
    netrc: `default login b password s3cret`,
    checksumFile: `http://${STORE}:${chain.port}/SHA256SUMS`,
  }).wait();
  await assert.rejects(running, { code: "checksum_list" });
  const store = chain.asked.filter(({ host }) => host === STORE);
  assert.equal(store.length, 1);
  assert.doesNotMatch(JSON.stringify(store), /s3cret|authorization|cookie/i);
});

const NO_OPENSSL = spawnSync("openssl", ["version"]).status !== 0 && "the program openssl is not there";

test(
  "99 netrc and secure cookies do not go over a redirect from https to http",
  { skip: NO_OPENSSL },
  async () => {
    await using dir = await temporaryDirectory();
    await using keys = await temporaryDirectory();
    const certificate = await makeCertificate(keys.path);
    await using plain = await FaultServer.start({
      ...{ size: SIZE, seed: SEED },
      respond: (request) =>
        request.path === "/on" ? { status: 302, headers: { Location: "/there" } } : part(request),
    });
    const { port } = new URL(plain.url);
    await using secure = await FaultServer.start({
      size: SIZE,
      respond: () => to(`http://localhost:${port}/on`, "set=1; Secure; Path=/"),
    });
    await using front = await TlsFront.start(secure.url, certificate);
    await using downloader = new Downloader({ tls: { ca: await readFile(certificate.caCert, "utf8") } });
    await downloader.download({
      ...SPEC,
      url: front.url.replace("127.0.0.1", "localhost"),
      outputPath: dir.join("out.bin"),
      allowDowngrade: true,
      cookies: ["localhost", "FALSE", "/", "TRUE", "0", "id", "s3cret"].join("\t"),
      netrc: "machine localhost login a password s3cret",
    }).wait();
    await assertFileIs(dir.join("out.bin"), SEED, SIZE);
    assert.equal(secure.requests[0]?.headers["authorization"], basic("a:s3cret"));
    assert.equal(secure.requests[0]?.headers["cookie"], "id=s3cret");
    assert.ok(plain.requests.length > 2, `${plain.requests.length} requests`);
    for (const { headers } of plain.requests) {
      assert.deepEqual([headers["authorization"], headers["cookie"]], [undefined, undefined]);
    }
  },
);

test("79 what servers set and what netrc says is neither told nor stored", async () => {
  await using dir = await temporaryDirectory();
  let isOpen = true;
  await using chain = await Chain.start((at) => ({
    ...loginHost(at, byNetrc),
    [DATA]: (asked) => {
      if (asked.path.startsWith("/dir/return")) return to("/dir/file", "session=s3cret; Path=/dir");
      if (asked.cookie === "session=s3cret" && asked.range !== undefined && asked.range.start < 300_000) {
        return part(asked);
      }
      return isOpen && asked.cookie === undefined ? to(`${at(LOGIN)}/oauth`) : { status: 403 };
    },
  }));
  const handle = chain.begin(dir.join("out.bin"), { netrc: NETRC, maxConnections: 1 });
  const watched = (async () => {
    for await (const snapshot of handle) chain.told.push(snapshot);
  })();
  const error: unknown = await handle.wait().then(() => assert.fail("it succeeded"), (reason) => reason);
  await watched;
  isOpen = false;
  const stored = await Promise.all(
    (await readdir(dir.path)).map((name) => readFile(join(dir.path, name), "latin1")),
  );
  assert.ok(stored.length > 0, inspect([error, chain.asked]));
  const shown = inspect([chain.told, error, handle], { depth: Infinity, showHidden: true }) + stored.join("");
  for (const secret of ["s3cret", btoa("net:s3cret-rc")]) {
    assert.ok(!shown.includes(secret), shown.slice(0, 2000));
  }
});
