/**
 * An odd server and a download from it, as plain data: every member that is left out is that of a good server, so that
 * a case is made simpler by leaving out members.
 *
 * @module
 */

/** A way to answer a request other than with the file. */
export type Refusal =
  | 400
  | 401
  | 403
  | 404
  | 405
  | 416
  | 421
  | 429
  | 500
  | 501
  | 503
  | 509
  | "page"
  | "redirect"
  | "reset"
  | "close"
  | "silence";

/** One step on the way to the file. */
export interface Hop {
  /** @default {302} */
  readonly status?: 300 | 301 | 302 | 303 | 307 | 308;
  /**
   * How its `Location` is written.
   *
   * @default a path
   */
  readonly form?:
    | "absolute"
    | "blanks"
    | "double slash"
    | "fragment"
    | "lower name"
    | "no scheme"
    | "query"
    | "raw UTF-8"
    | "relative"
    | "space"
    | "twice"
    | "upper scheme";
  /**
   * Its own body.
   *
   * @default one of known length
   */
  readonly body?: "chunked" | "closed" | "none";
}

/** How a part tells its place. */
export type ContentRangeForm =
  | "none"
  | "unknown total"
  | "equals sign"
  | "no unit"
  | "colon"
  | "blanks"
  | "other case"
  | "twice"
  | "start off by one"
  | "end off by one"
  | "total off by one"
  | "total is length"
  | "total is end"
  | "end as asked";

/** A server, and how it is downloaded from. */
export interface OddCase {
  /** Bytes in the file, before it is encoded. */
  readonly size: number;
  /** Connections that a download may use. */
  readonly connections: number;
  /** The caller knows the SHA-256. */
  readonly checksum?: true;
  /** What the request line has for the file. */
  readonly path?: string;
  readonly redirects?: readonly Hop[];
  /** The first redirect sets a cookie without which the file is not served. */
  readonly cookie?: true;
  readonly http10?: true;
  /** A 103 comes first. */
  readonly early?: true;
  /** Without a reason phrase. */
  readonly bareStatus?: true;
  readonly names?: "lower" | "upper";
  /** Further lines of the head. */
  readonly fields?: readonly string[];
  /** Content-Type; empty for none. */
  readonly type?: string;
  /** `Accept-Ranges` as sent; empty for none. */
  readonly acceptRanges?: string;
  /** Ends connections after each response, with a word or without. */
  readonly connection?: "close" | "closes silently";
  /** `Date` of the head. */
  readonly clock?: "none" | "behind";
  /** Status of a response without a range. */
  readonly plainStatus?: 203 | 206 | 403;
  readonly ranges?: "ignored" | "short" | "to the end" | "multipart";
  readonly partStatus?: 200;
  readonly contentRange?: ContentRangeForm;
  /** What happens to requests with a range: any, one that ends behind the file, one of more than so many bytes. */
  readonly refusal?: {
    /** @default {403} */
    readonly status?: Refusal;
    /** @default {"any"} */
    readonly when?: "any" | "behind" | number;
  };
  readonly length?: "chunked" | "chunked with trailers" | "closed" | "twice";
  /** Added to the Content-Length of parts. */
  readonly partLength?: -1 | 1;
  readonly etag?: "weak" | "unquoted" | "none" | "empty" | "rotates" | "edges" | "strong later";
  readonly date?: "none" | "young" | "rotates" | "edges" | "rubbish";
  /** What `If-Range` comes to, whatever it says. */
  readonly ifRange?: "200" | "304" | "412" | "ignored";
  /** Content-Encoding, and the end of the name that it is sent for. */
  readonly encoding?: { readonly value: string; readonly suffix?: string; readonly twice?: true };
  /** What a range of an empty file comes to; another status than 416 also without a range. */
  readonly empty?: "416" | "204" | "200" | "bytes 0-0/0" | "bytes -1--1/*" | "bytes 0--1/0" | "bytes */0";
  /** What further connections get. */
  readonly extra?: {
    /**
     * How many are served.
     *
     * @default {1}
     */
    readonly over?: number;
    /**
     * Those that are open count, or those that are being sent the file.
     *
     * @default {"busy"}
     */
    readonly by?: "open" | "busy";
    /** @default {403} */
    readonly how?: Refusal;
  };
  /**
   * What is not true: the file changes before request `after` of it, or between the two runs; or parts have other
   * bytes. `hidden` says which validators stay the same all the same.
   */
  readonly lie?: {
    readonly kind: "changes" | "changes between" | "parts";
    /** @default {1} */
    readonly after?: number;
    readonly hidden?: "both" | "etag";
  };
  /** A response with the file, counted from 0, that is cut after a part of its body. */
  readonly cut?: {
    readonly request: number;
    /** @default {0.5} */
    readonly after?: number;
    /** @default {"close"} */
    readonly how?: "close" | "reset";
  };
  /** A request for the file, counted from 0, that is refused for a while: with Retry-After. */
  readonly passing?: {
    readonly request: number;
    /** @default {503} */
    readonly status?: 403 | 429 | 503 | 520 | 530;
  };
  /** The download is stopped after a part of the file, and another one finishes it. */
  readonly stop?: {
    /** @default {0.5} */
    readonly after?: number;
    /** @default {"pause"} */
    readonly how?: "pause" | "abort" | "close";
    /** By another downloader. */
    readonly other?: true;
    /** Without a wait for what was sent to arrive. */
    readonly isSudden?: true;
  };
}

const NUMBERS: readonly (keyof OddCase)[] = ["size", "connections"];
const SIZES = [0, 1, 100 * 1024, 2 ** 20 - 1, 2 ** 20, 2 ** 20 + 1, 2 ** 21];

/** What is said of a case that nobody can get right, or that a downloader may refuse. */
type Reason = string | undefined;

/** Whether the versions of a changed file differ in what the server says of them. */
function tellsVersions({ etag, date, lie }: OddCase): boolean {
  if (lie?.hidden === "both") return false;
  const isTold = (kind = "fixed") => !["none", "empty", "young", "rubbish"].includes(kind);
  return (lie?.hidden !== "etag" && isTold(etag)) || isTold(date);
}

/** Why wrong bytes go unnoticed by everybody who has no checksum. */
export function undetectable(odd: OddCase): Reason {
  const { lie, ranges, partStatus, contentRange = "", partLength } = odd;
  if (lie?.kind === "parts") return "parts have other bytes";
  if (lie?.kind === "changes" && !tellsVersions(odd)) return "a change that nothing tells of";
  const isWholeByItsWords = partStatus === 200 || ["total is length", "total is end"].includes(contentRange);
  if (ranges === "short" && isWholeByItsWords) return "a part that looks like a small file";
  if (partLength !== undefined && partStatus === 200) return "a length that is of no range";
  if (ranges === "multipart" && partStatus === 200) return "several parts that look like a file";
  return undefined;
}

/** Bun takes a reset for the end of a body without a length (case 106). */
const SEES_RESETS = !("Bun" in globalThis);

/** Whether a body may end early without a sign. */
export function endsUnnoticed({ cut, http10, length }: OddCase): boolean {
  const isChunked = length === "chunked" || length === "chunked with trailers";
  const isSeen = cut?.how === "reset" && SEES_RESETS;
  return cut !== undefined && !isSeen && (length === "closed" || (http10 === true && isChunked));
}

/** Whether one request without a range, over one connection, gets the file. */
export function plainWorks(odd: OddCase): boolean {
  const { size, encoding, cut, passing, plainStatus, lie, cookie, redirects } = odd;
  if (lie?.kind === "changes between" || (cookie && redirects === undefined)) return false;
  const isCut = cut?.request === 0 && (size > 0 || encoding?.value.includes("gzip") === true);
  return plainStatus !== 403 && passing?.request !== 0 && !isCut;
}

/** Why a downloader may refuse what one plain request gets. */
export function mayRefuse(odd: OddCase): Reason {
  if (odd.lie !== undefined) return "what the server says is not true";
  const { encoding, path, redirects } = odd;
  const isNamed = encoding?.suffix !== undefined && path === undefined && redirects?.at(-1)?.form !== "query";
  // A page is encoded on the way, and a file that the server names otherwise may be.
  const isOtherwise = odd.type === "text/html" ||
    (odd.fields ?? []).some((field) => /^content-disposition: attachment/i.test(field));
  const mayHide = encoding?.value.includes("gzip") && (!isNamed || isOtherwise);
  if (mayHide) return "the encoding may hide another file";
  if (odd.checksum) return undefined;
  const differs = [odd.etag, odd.date].some((kind) => kind === "rotates" || kind === "edges");
  return differs ? "validators differ, and no checksum is given" : undefined;
}

/** Cases that are a little simpler, the simplest first. */
export function* simplerCases(odd: OddCase): Generator<OddCase> {
  const keys = (Object.keys(odd) as (keyof OddCase)[]).filter((key) => !NUMBERS.includes(key));
  for (const key of keys) yield without(odd, key);
  for (const key of keys) {
    const value: unknown = odd[key];
    if (Array.isArray(value)) {
      for (const index of value.keys()) {
        if (value.length > 1) yield { ...odd, [key]: value.toSpliced(index, 1) };
        for (const part of simplerParts(value[index])) yield { ...odd, [key]: value.with(index, part) };
      }
    } else for (const part of simplerParts(value)) yield { ...odd, [key]: part };
  }
  for (const size of SIZES) if (size < odd.size) yield { ...odd, size };
  for (const connections of [1, 2, 4]) if (connections < odd.connections) yield { ...odd, connections };
}

const NEEDED = ["kind", "request", "value"];

function* simplerParts(value: unknown): Generator<object> {
  if (typeof value !== "object" || value === null) return;
  for (const key of Object.keys(value)) {
    if (!NEEDED.includes(key)) yield without(value as Record<string, unknown>, key);
  }
}

function without<T extends object>(from: T, key: keyof T): T {
  const { [key]: _, ...rest } = from;
  return rest as T;
}
