import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { STATUS_CODES } from "node:http";
import { gzipSync } from "node:zlib";
import { contentBytes } from "../../testing/content.ts";
import { Gate } from "../helpers/doubles/gate.ts";
import type { OddCase, Refusal } from "./oddities_case.ts";
import { type Asked, isRefused, makePart, readRange } from "./oddities_parts.ts";
import { type Answer, type RawAct, type RawRequest, type RawResponse, RawServer } from "./oddities_raw.ts";
import { makeWay, normalTarget, type Step, type Way } from "./oddities_way.ts";

const MAX_BYTES = 4 * 2 ** 20;
const PAGE = Buffer.from("<!doctype html><title>Please wait</title><p>Too many connections.</p>\n");
const PAGE_TARGET = "/please-wait.html";
const COOKIE = "session=a6c9";
/** A connection that its client has closed a moment ago is no longer one to refuse others for. */
const GRACE_MS = 30;
const GRACE_STEP_MS = 5;
/** Requests before a server that is sure only later sends a strong ETag. */
const WEAK_REQUESTS = 2;
const DAY_MS = 86_400_000;
const LONG_AGO_MS = Date.UTC(2024, 0, 1);

const contents = new Map<number, Uint8Array>();

/** What the file `seed` of an odd server has, as stored. */
export function storedBytes({ size, encoding }: OddCase, seed: number): Uint8Array {
  const all = contents.get(seed) ?? contentBytes(seed, 0, MAX_BYTES);
  contents.set(seed, all);
  const bytes = all.subarray(0, size);
  return /gzip/.test(encoding?.value ?? "") ? gzipSync(bytes, { level: 1 }) : bytes;
}

/** A server as a case describes it. */
export class OddServer implements AsyncDisposable {
  readonly url: string;
  readonly odd: OddCase;
  readonly #way: Way;
  readonly #raw: RawServer;
  readonly #startedMs = Date.now();
  readonly #versions = new Map<number, Uint8Array>();
  #changedMs = 0;
  #requests = 0;
  #isLaterRun = false;
  #gate: { readonly gate: Gate; left: number } | undefined;

  private constructor(raw: RawServer, odd: OddCase) {
    this.#raw = raw;
    this.odd = odd;
    this.#way = makeWay(odd, raw.origin);
    this.url = raw.origin + this.#way.first;
    raw.onBody = (bytes) => this.#pass(bytes);
  }

  /** Starts the server of a case on a free port. `trace` is told of requests and heads. */
  static async start(odd: OddCase, trace: (line: string) => void = () => {}): Promise<OddServer> {
    const answer: Answer = async (request) => {
      const act = await server.#answer(request);
      const { method, path, headers: { range = "", "if-range": ifRange = "" } } = request;
      trace(`#${request.connection} ${method} ${path} ${range} ${ifRange} -> ${describe(act)}`);
      return act;
    };
    const server = new OddServer(await RawServer.start(answer), odd);
    return server;
  }

  /** Connections that are open now. */
  get openConnections(): number {
    return this.#raw.openConnections;
  }

  /** The file as its version `seed`, or as it is now. */
  bytes(seed = this.#seed()): Uint8Array {
    const bytes = this.#versions.get(seed) ?? storedBytes(this.odd, seed);
    this.#versions.set(seed, bytes);
    return bytes;
  }

  /** SHA-256 of the first version. */
  get sha256(): string {
    return createHash("sha256").update(this.bytes(1)).digest("hex");
  }

  /** Sends so many bytes of bodies and holds the rest back; resolves when that is reached. */
  holdAfter(bytes: number): Promise<void> {
    const gate = new Gate();
    this.#gate = { gate, left: bytes };
    return gate.reached;
  }

  /** Sends freely again, to a run that comes later. */
  release(): void {
    this.#gate?.gate.open();
    this.#gate = undefined;
    this.#isLaterRun = true;
    this.#changedMs = Date.now();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#gate?.gate.open();
    await this.#raw[Symbol.asyncDispose]();
  }

  async #pass(bytes: number): Promise<void> {
    const held = this.#gate;
    if (held === undefined) return;
    held.left -= bytes;
    if (held.left < 0) await held.gate.pass();
  }

  async #answer(request: RawRequest): Promise<RawAct> {
    const target = normalTarget(request.path);
    if (target === PAGE_TARGET) return this.#page(200);
    const step = this.#way.steps.find((one) => normalTarget(one.target) === target);
    if (step !== undefined) return this.#redirect(step);
    if (target !== normalTarget(this.#way.file)) return this.#page(404);
    if (this.odd.cookie && !(request.headers["cookie"] ?? "").includes(COOKIE)) return this.#page(403);
    if (await this.#isExtra(request)) return this.#refuse(this.odd.extra?.how, true);
    return this.#file(request);
  }

  async #isExtra({ earlierOpen, busy, sleep }: RawRequest): Promise<boolean> {
    const { extra } = this.odd;
    if (extra === undefined) return false;
    const { over = 1, by = "busy" } = extra;
    const count = by === "busy" ? busy : earlierOpen;
    for (let waitedMs = 0; count() >= over; waitedMs += GRACE_STEP_MS) {
      if (waitedMs >= GRACE_MS) return true;
      await sleep(GRACE_STEP_MS);
    }
    return false;
  }

  #file(request: RawRequest): RawAct {
    const { odd } = this;
    const number = this.#requests++;
    if (odd.passing?.request === number) return this.#page(odd.passing.status ?? 503, ["Retry-After: 1"]);
    const seed = this.#seed(number);
    const bytes = this.bytes(seed);
    const told = this.#validators(seed, number, request.connection);
    const asked = odd.ranges === "ignored" ? undefined : readRange(request.headers["range"]);
    if (odd.empty === "204" && bytes.length === 0) return this.#response(204, told, undefined);
    if (asked === undefined) return this.#whole(bytes, told, number);
    if (isRefused(asked, odd, bytes.length)) return this.#refuse(odd.refusal?.status);
    const { "if-range": ifRange } = request.headers;
    if (ifRange !== undefined && odd.ifRange === "304") return this.#response(304, told, undefined);
    if (ifRange !== undefined && odd.ifRange === "412") return this.#page(412);
    if (ifRange !== undefined && odd.ifRange !== "ignored") {
      const isSame = odd.ifRange !== "200" && told.some((line) => line.endsWith(`: ${ifRange}`));
      if (!isSame) return this.#whole(bytes, told, number);
    }
    if (asked.first >= bytes.length) return this.#unsatisfiable(bytes, told, number);
    return this.#part(asked, seed, told, number);
  }

  #seed(number = this.#requests): number {
    const { lie } = this.odd;
    if (lie?.kind === "changes") return number >= (lie.after ?? 1) ? 2 : 1;
    return lie?.kind === "changes between" && this.#isLaterRun ? 2 : 1;
  }

  /** The lines that name a version. */
  #validators(seed: number, number: number, connection: number): string[] {
    const { lie, etag, date } = this.odd;
    const tagged = lie?.hidden === undefined ? seed : 1;
    const dated = lie?.hidden === "both" ? 1 : seed;
    if (seed !== 1 && this.#changedMs === 0) this.#changedMs = Date.now();
    const rotated = (kind: string | undefined) =>
      kind === "rotates" ? number : kind === "edges" ? connection % 2 : 0;
    const tag = `v${tagged}${rotated(etag) || ""}`;
    const youngMs = dated === 1 ? this.#startedMs : this.#changedMs;
    const dateMs = date === "young" ? youngMs : LONG_AGO_MS + (dated * 100 + rotated(date)) * DAY_MS;
    const field = tagField(etag, tag, number);
    const when = date === "rubbish" ? "yesterday" : new Date(dateMs).toUTCString();
    return [
      ...(field === undefined ? [] : [`ETag: ${field}`]),
      ...(date === "none" ? [] : [`Last-Modified: ${when}`]),
    ];
  }

  #whole(bytes: Uint8Array, told: readonly string[], number: number): RawResponse {
    const { plainStatus = 200 } = this.odd;
    if (plainStatus === 403) return this.#page(403);
    const size = bytes.length;
    const isPart = plainStatus === 206 && size > 0;
    const lines = isPart ? [...told, `Content-Range: bytes 0-${size - 1}/${size}`] : told;
    return this.#cut(this.#response(isPart || plainStatus !== 206 ? plainStatus : 200, lines, bytes), number);
  }

  #unsatisfiable(bytes: Uint8Array, told: readonly string[], number: number): RawResponse {
    const { empty = "bytes */0" } = this.odd;
    if (bytes.length > 0) return this.#page(416, [`Content-Range: bytes */${bytes.length}`]);
    if (empty === "200") return this.#whole(bytes, told, number);
    if (empty === "416") return this.#page(416);
    if (empty === "bytes */0") return this.#page(416, ["Content-Range: bytes */0"]);
    return this.#response(206, [...told, `Content-Range: ${empty}`], bytes);
  }

  #part(asked: Asked, seed: number, told: readonly string[], number: number): RawResponse {
    const { odd } = this;
    const isLie = odd.lie?.kind === "parts" && asked.first > 0;
    const file = this.bytes(seed);
    const { start, end, contentRanges, type, before, behind } = makePart(asked, odd, file.length);
    const bytes = (isLie ? this.bytes(3) : file).subarray(start, end);
    const body = before.length === 0 ? bytes : Buffer.concat([before, bytes, behind]);
    const lines = [...told, ...contentRanges.map((field) => `Content-Range: ${field}`)];
    const { partStatus = 206, partLength } = odd;
    return this.#cut(this.#response(partStatus, lines, body, { type, lengthOff: partLength }), number);
  }

  #cut(response: RawResponse, number: number): RawResponse {
    const { cut } = this.odd;
    if (cut?.request !== number) return response;
    const after = Math.floor((response.body?.length ?? 0) * (cut.after ?? 0.5));
    return { ...response, cut: { after, how: cut.how ?? "close" } };
  }

  /** A response with the file's own fields. `body` is `undefined` where a status has none. */
  #response(
    status: number,
    told: readonly string[],
    body: Uint8Array | undefined,
    { type, lengthOff }: { type?: string | undefined; lengthOff?: number | undefined } = {},
  ): RawResponse {
    const { odd } = this;
    const { length, http10 = false, encoding, acceptRanges = "bytes" } = odd;
    const mime = type ?? odd.type ?? "application/octet-stream";
    const isChunked = (length === "chunked" || length === "chunked with trailers") && !http10;
    const hasLength = (length === undefined || length === "twice") && body !== undefined;
    const declared = `Content-Length: ${(body?.length ?? 0) + (lengthOff ?? 0)}`;
    const isUnsized = body !== undefined && !isChunked && !hasLength;
    const coded = encoding === undefined ? [] : [`Content-Encoding: ${encoding.value}`];
    return this.#head(status, [
      ...(mime === "" ? [] : [`Content-Type: ${mime}`]),
      ...(acceptRanges === "" ? [] : [`Accept-Ranges: ${acceptRanges}`]),
      ...told,
      ...(encoding?.twice ? [...coded, ...coded] : coded),
      ...(hasLength ? [declared, ...(length === "twice" ? [declared] : [])] : []),
      ...(isChunked && body !== undefined ? ["Transfer-Encoding: chunked"] : []),
      ...(odd.fields ?? []),
    ], {
      ...(body === undefined ? {} : { body }),
      framing: isChunked && body !== undefined ? length : "plain",
      closes: isUnsized || (hasLength && lengthOff !== undefined),
      isPaced: odd.extra !== undefined,
    });
  }

  /** A response that is not the file. */
  #page(status: number, lines: readonly string[] = []): RawResponse {
    return this.#head(status, ["Content-Type: text/html", ...lines, `Content-Length: ${PAGE.length}`], {
      body: PAGE,
    });
  }

  #refuse(how: Refusal = 403, closes = false): RawAct {
    if (how === "reset" || how === "close" || how === "silence") return how;
    const response = how === "redirect"
      ? this.#head(302, [`Location: ${PAGE_TARGET}`, "Content-Length: 0"], {})
      : this.#page(how === "page" ? 200 : how);
    return closes ? { ...response, head: [...response.head, "Connection: close"], closes } : response;
  }

  #redirect({ target, hop: { status = 302, body }, locations }: Step): RawResponse {
    const isFirst = target === this.#way.first;
    const lines = [...locations, ...(isFirst && this.odd.cookie ? [`Set-Cookie: ${COOKIE}; Path=/`] : [])];
    if (body === "none") return this.#head(status, [...lines, "Content-Length: 0"], {});
    const isChunked = body === "chunked" && !this.odd.http10;
    if (isChunked) {
      return this.#head(status, [...lines, "Transfer-Encoding: chunked"], { body: PAGE, framing: "chunked" });
    }
    if (body !== undefined) return this.#head(status, lines, { body: PAGE, closes: true });
    return this.#head(status, [...lines, `Content-Length: ${PAGE.length}`], { body: PAGE });
  }

  #head(status: number, fields: readonly string[], rest: Omit<RawResponse, "head">): RawResponse {
    const { http10, bareStatus, clock, connection, names, early } = this.odd;
    const closes = rest.closes || connection !== undefined || http10 === true;
    const nowMs = Date.now();
    const all = [
      ...(clock === "none" ? [] : [`Date: ${new Date(clock === "behind" ? 0 : nowMs).toUTCString()}`]),
      ...fields,
      ...(closes && connection !== "closes silently" ? ["Connection: close"] : []),
    ];
    const reason = bareStatus ? "" : ` ${STATUS_CODES[status] ?? "Unknown"}`;
    const first = early && !http10 ? ["HTTP/1.1 103 Early Hints", "Link: </style.css>; rel=preload", ""] : [];
    return {
      ...rest,
      head: [
        ...first,
        `HTTP/1.${http10 ? 0 : 1} ${status}${reason}`,
        ...all.map((line) => renamed(line, names)),
      ],
      closes,
    };
  }
}

/** The ETag of response `number`, as sent. */
function tagField(kind: OddCase["etag"], tag: string, number: number): string | undefined {
  switch (kind) {
    case "none":
      return undefined;
    case "empty":
      return '""';
    case "unquoted":
      return tag;
    case "weak":
      return `W/"${tag}"`;
    case "strong later":
      return number < WEAK_REQUESTS ? `W/"${tag}"` : `"${tag}"`;
    default:
      return `"${tag}"`;
  }
}

function renamed(line: string, names: OddCase["names"]): string {
  const colon = line.indexOf(":");
  const name = line.slice(0, colon);
  if (names === "lower") return name.toLowerCase() + line.slice(colon);
  return names === "upper" ? name.toUpperCase() + line.slice(colon) : line;
}

function describe(act: RawAct): string {
  return typeof act === "string" ? act : act.head.join(" | ");
}
