import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { after, test } from "node:test";
import { Downloader, type DownloaderOptions, type DownloadSpec } from "../../mod.ts";
import { type Certificate, makeCertificate } from "../helpers/sockets/certificate.ts";
import { assertFileIs } from "../../testing/content.ts";
import { FaultServer, type RecordedRequest, type Reply } from "../../testing/mod.ts";
import { temporaryDirectory } from "../helpers/temp.ts";
import { TlsFront } from "../helpers/sockets/tls_front.ts";
import { SMALL_FILE } from "../helpers/small_file.ts";

const SEED = 75;
const SIZE = 300_001;
const STEP_BYTES = 60_000;
const SPEC = {
  ...SMALL_FILE,
  maxConnections: 4,
  pieceSize: 16_384,
  maxRetries: 0,
  allowDowngrade: true,
} as const;
const NO_OPENSSL = spawnSync("openssl", ["version"]).status !== 0 && "the program openssl is not there";

/** Where the servers of a test are. */
interface Origins {
  readonly plain: string;
  readonly otherPort: string;
  readonly secure: string;
  /** The same server as `plain`, by name. */
  readonly named: string;
}

/** Which origins a download passes through. */
type Route = readonly (keyof Origins)[];

const ROUTES: Readonly<Record<string, Route>> = {
  "the same origin": ["plain", "plain", "plain"],
  "another port": ["plain", "otherPort"],
  "another host": ["named", "plain"],
  "another scheme, to https": ["plain", "secure"],
  "another scheme, to http when allowed": ["secure", "plain"],
  "another port and back": ["plain", "otherPort", "plain"],
  "another host and back": ["named", "plain", "named"],
  "another port and on from there": ["plain", "otherPort", "otherPort"],
  "another host, and back, and on from there": ["named", "plain", "named", "named"],
  "another scheme and back": ["secure", "plain", "secure"],
  "the same origin, then another, and back": ["named", "named", "plain", "named"],
};

/** How a caller may give what is secret. */
type Secrets = (url: string) => Partial<DownloadSpec>;

const IDENTITIES: Readonly<Record<string, Secrets>> = {
  "headers": () => ({
    headers: {
      Authorization: "Bearer s3cret",
      Cookie: "id=s3cret",
      "X-Api-Key": "s3cret",
      "User-Agent": "s3cret",
    },
  }),
  "username, password and cookies": (url) => ({
    ...{ username: "s3cret-user", password: "s3cret-password", headers: { "X-Api-Key": "s3cret" } },
    cookies: cookiesFor(url),
  }),
  "bearerToken and cookies": (url) => ({
    ...{ bearerToken: "s3cret-token", headers: { "X-Api-Key": "s3cret" } },
    cookies: cookiesFor(url),
  }),
  "userinfo": (url) => ({
    url: url.replace("://", "://s3cret-user:s3cret-password@"),
    headers: { Cookie: "s3cret", "X-Api-Key": "s3cret" },
  }),
};

/** A cookie for the host of the caller's URL. */
function cookiesFor(url: string): string {
  return [new URL(url).hostname, "FALSE", "/", "FALSE", "0", "id", "by-jar"].join("\t");
}

const SECRET = /s3cret|authorization/i;
const BASIC = btoa("s3cret-user:s3cret-password");

/** Whether a request has something of the caller's in it: an answer for each of the three places. */
function secretsIn({ headers }: RecordedRequest): readonly boolean[] {
  const { authorization = "", cookie = "", "x-api-key": key = "" } = headers;
  return [
    authorization.includes("s3cret") || authorization === `Basic ${BASIC}`,
    /s3cret|by-jar/.test(cookie),
    key !== "",
  ];
}

/** Three servers, one of them with TLS, that redirect from hop to hop. */
class Servers implements AsyncDisposable {
  readonly all: readonly FaultServer[];
  readonly origins: Origins;
  readonly options: DownloaderOptions;
  readonly #front: TlsFront;
  /** From a hop to the URL of the next one. */
  readonly #next = new Map<string, string>();
  #status = 0;

  private constructor(all: Servers["all"], front: TlsFront, ca: string) {
    const [plain, other] = all as [FaultServer, FaultServer];
    const { port } = new URL(plain.url);
    this.all = all;
    this.#front = front;
    this.origins = {
      plain: new URL(plain.url).origin,
      otherPort: new URL(other.url).origin,
      secure: new URL(front.url).origin,
      named: `http://localhost:${port}`,
    };
    this.options = { tls: { ca } };
  }

  static async start(certificate: Certificate): Promise<Servers> {
    const respond = (request: RecordedRequest): Reply => made.#answer(request);
    const all = await Promise.all(
      [1, 2, 3].map(() => FaultServer.start({ size: SIZE, seed: SEED, respond })),
    );
    const front = await TlsFront.start(all[2]!.url, certificate);
    const made = new Servers(all, front, await readFile(certificate.caCert, "utf8"));
    return made;
  }

  /** Redirects along `route`, and returns the URL of its beginning. */
  lay(route: Route, status: number): string {
    const urls = route.map((name, hop) => `${this.origins[name]}/hop${hop}?signature=${hop}`);
    urls.slice(1).forEach((url, hop) => this.#next.set(`/hop${hop}?signature=${hop}`, url));
    this.#status = status;
    return urls[0]!;
  }

  /** The requests to each hop. */
  requestsTo(route: Route): readonly (readonly RecordedRequest[])[] {
    const all = this.all.flatMap(({ requests }) => requests);
    return route.map((_, hop) => all.filter(({ path }) => path === `/hop${hop}?signature=${hop}`));
  }

  #answer({ path, range }: RecordedRequest): Reply {
    const Location = this.#next.get(path);
    if (Location !== undefined) {
      return {
        status: this.#status,
        headers: { Location, "Set-Cookie": `set${path.slice(4, 5)}=by-server` },
      };
    }
    const { start, end } = range!;
    return { range: { start, end: Math.min(end, start + STEP_BYTES) } };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#front[Symbol.asyncDispose]();
    await Promise.all(this.all.map((server) => server.stop()));
  }
}

/** One for all tests, since it takes a while. */
const KEYS = NO_OPENSSL ? undefined : await temporaryDirectory();
after(() => KEYS?.[Symbol.asyncDispose]());
const CERTIFICATE = KEYS && await makeCertificate(KEYS.path);

/** Downloads along `route`, and checks what each server of it was told. */
async function assertNothingCrosses(route: Route, status: number, secrets: Secrets): Promise<void> {
  await using dir = await temporaryDirectory();
  await using servers = await Servers.start(CERTIFICATE!);
  const url = servers.lay(route, status);
  await using downloader = new Downloader(servers.options);
  const outputPath = dir.join("out.bin");
  await downloader.download({ ...SPEC, url, outputPath, ...secrets(url) }).wait();
  await assertFileIs(outputPath, SEED, SIZE);
  const requests = servers.requestsTo(route);
  const crossing = route.findIndex((name) => name !== route[0]);
  const trusted = crossing === -1 ? route.length : crossing;
  for (const [hop, sent] of requests.entries()) {
    if (hop < trusted) assert.ok(sent.every((request) => secretsIn(request).every((has) => has)));
    else assert.doesNotMatch(JSON.stringify(sent.map(({ rawHeaders }) => rawHeaders)), SECRET);
    // Cookies go by hosts: those of the jar, and those that were set on the way.
    const hostOf = (index: number) => new URL(servers.origins[route[index]!]).hostname;
    const isJarKnown = secrets(url).cookies !== undefined && hostOf(hop) === hostOf(0);
    const before = Array.from({ length: hop }, (_, index) => index).filter((it) =>
      hostOf(it) === hostOf(hop)
    );
    for (const { headers: { cookie = "" } } of sent) {
      assert.equal(cookie.includes("by-jar"), isJarKnown);
      assert.deepEqual(
        [...cookie.matchAll(/set(\d)=by-server/g)].map(([, number]) => Number(number)),
        before,
      );
    }
  }
  // Where it led is kept for all segments.
  assert.deepEqual(requests.slice(0, -1).map((sent) => sent.length), route.slice(1).map(() => 1));
  assert.ok(requests.at(-1)!.length >= SIZE / STEP_BYTES);
}

for (const [where, route] of Object.entries(ROUTES)) {
  for (const [what, secrets] of Object.entries(IDENTITIES)) {
    test(`75: a redirect to ${where}: ${what} do not cross`, { skip: NO_OPENSSL }, async () => {
      await assertNothingCrosses(route, 302, secrets);
    });
  }
}

for (const status of [301, 303, 307, 308]) {
  for (const [index, [where, route]] of Object.entries(ROUTES).entries()) {
    test(`75: ${status} to ${where}: no secret crosses`, { skip: NO_OPENSSL }, async () => {
      const all = Object.values(IDENTITIES);
      await assertNothingCrosses(route, status, all[(index + status) % all.length]!);
    });
  }
}

for (const status of [301, 302, 303, 307, 308]) {
  test(`76: ${status} from https to http is refused unless asked`, { skip: NO_OPENSSL }, async () => {
    for (const route of [["secure", "plain"], ["plain", "secure", "plain"]] as const) {
      await using dir = await temporaryDirectory();
      await using servers = await Servers.start(CERTIFICATE!);
      const url = servers.lay(route, status);
      await using downloader = new Downloader(servers.options);
      const running = downloader.download({ ...SPEC, url, outputDir: dir.path, allowDowngrade: false })
        .wait();
      await assert.rejects(
        running,
        (error: Error & { readonly code?: unknown; readonly retryable?: unknown }) => {
          assert.deepEqual([error.code, error.retryable], ["redirect", false]);
          assert.match(error.message, /from https: to http:, which is followed only when allowed$/);
          return true;
        },
      );
      assert.deepEqual(servers.requestsTo(route).map((sent) => sent.length), [
        ...route.slice(1).map(() => 1),
        0,
      ]);
      assert.deepEqual(await dir.list(), []);
    }
  });
}
