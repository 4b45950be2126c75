import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import type { FaultServer, RecordedRequest, Reply, VersionChange } from "../../testing/mod.ts";
import type { Dice } from "./run_dice.ts";

/** What a server tells versions apart by. */
export type Validators = "etag and date" | "date" | "weak etag" | "weak etag and date" | "none";

/** A version of the file, named as a server with these validators does. */
export function versionWith(
  validators: Validators,
  seed: number,
  size: number,
): VersionChange & { seed: number; size: number } {
  const date = validators.includes("date") ? undefined : null;
  switch (validators) {
    case "etag and date":
      return { seed, size };
    case "weak etag":
    case "weak etag and date":
      return { seed, size, etag: `W/"${seed}-${size}"`, lastModified: date };
    default:
      return { seed, size, etag: null, lastModified: date };
  }
}

/** What a fault is made from. */
export interface Occasion {
  readonly dice: Dice;
  readonly request: RecordedRequest;
  readonly server: FaultServer;
  readonly validators: Validators;
  /** The bytes that a correct response would have. */
  readonly start: number;
  readonly length: number;
}

/** A fault for one response. */
export interface Fault {
  readonly kind: string;
  readonly reply: Reply;
  /** Whether the bytes are not those that the headers name, which only a checksum tells. */
  readonly isLie?: boolean;
}

type Make = (occasion: Occasion) => Reply;

const somewhere = ({ dice, length }: Occasion): number => dice.below(length + 1);
const shifted = ({ dice, start, length, server: { version: { size } } }: Occasion) => {
  const from = Math.max(0, Math.min(size - 1, start + dice.pick([-1, 1, -16_384, 16_384])));
  return { start: from, end: Math.min(size, Math.max(from + 1, from + length)) };
};

const REDIRECTS = ["/moved", "?again", "//127.0.0.1:1/", "file:///etc/passwd", "http://[", ""];
const LENGTHS = [["5", "6"], ["-1"], ["99999999999999999999"], ["1e3"], ["0x10"], [""], ["10, 11"]];
const RANGES = [
  ["bytes"],
  ["bytes 0-/9"],
  ["bytes 5-2/100"],
  ["bytes 0-0/*"],
  ["items 0-1/2"],
  ["bytes 0-99999999999999999999/99999999999999999999"],
];
const RETRY_AFTER = [
  "0",
  "1",
  "Mon, 01 Jan 2001 00:00:00 GMT",
  "99999999999999",
  "soon",
  "-5",
  "Fri, 31 Dec 9999 23:59:59 GMT",
];
const PASSING = [408, 425, 429, 500, 502, 503, 504, 520, 522, 524];
const FINAL = [400, 401, 403, 404, 405, 410, 416, 451, 501];

/** The network fails, and so what was fetched stays worth something. */
const TRANSIENT: Readonly<Record<string, Make>> = {
  delay: ({ dice }) => ({ delayMs: dice.between(1, 20) }),
  "late head": () => ({ delayMs: 400 }),
  "no head": () => ({ never: true }),
  refuse: () => ({ refuse: true }),
  cut: (occasion) => ({ cutAfter: somewhere(occasion) }),
  reset: (occasion) => ({ resetAfter: somewhere(occasion) }),
  silence: (occasion) => ({ silentAfter: somewhere(occasion) }),
  drip: ({ dice }) => ({ dripMs: 3, cutAfter: dice.between(1, 8) }),
  throttle: ({ dice }) => ({ throttle: dice.between(1, 8) * 1_000_000 }),
  "short body": (occasion) => ({ bodyLength: somewhere(occasion) }),
  surplus: ({ dice, length }) => ({ bodyLength: length + dice.between(1, 5000) }),
  "chunked": ({ dice }) => ({ chunked: true, chunkSize: dice.between(1000, 70_000) }),
  "chunked, no last chunk": () => ({ chunked: true, chunkedEnd: "cut" }),
  "chunked, no last line break": () => ({ chunked: true, chunkedEnd: "no-last-crlf" }),
  "chunked, cut": (occasion) => ({ chunked: true, cutAfter: somewhere(occasion) }),
  "chunked, reset": (occasion) => ({ chunked: true, resetAfter: somewhere(occasion) }),
  "chunked, short": (occasion) => ({ chunked: true, bodyLength: somewhere(occasion) }),
  "no length": () => ({ closeDelimited: true }),
  "no length, cut": (occasion) => ({ closeDelimited: true, cutAfter: somewhere(occasion) }),
  "no length, reset": (occasion) => ({ closeDelimited: true, resetAfter: somewhere(occasion) }),
  "passing status": ({ dice }) => ({ status: dice.pick(PASSING) }),
  "retry after": ({ dice }) => ({
    status: dice.pick([429, 503]),
    headers: { "Retry-After": dice.pick(RETRY_AFTER) },
  }),
  "1xx": () => ({ informational: ["HTTP/1.1 103 Early Hints\r\nLink: </x>", "HTTP/1.1 102 Processing"] }),
  "connection: close": () => ({ headers: { Connection: "close" } }),
  "shorter part": ({ dice, start, length }) =>
    length < 2 ? {} : { range: { start, end: start + dice.between(1, length - 1) } },
};

/** The server answers wrongly. */
const WRONG: Readonly<Record<string, Make>> = {
  "other part": (occasion) => ({ range: shifted(occasion) }),
  "whole file": () => ({ status: 200 }),
  "final status": ({ dice }) => ({ status: dice.pick(FINAL) }),
  "no content": () => ({ status: 204 }),
  "odd 206": ({ dice }) => ({ headers: { "Content-Range": dice.pick([...RANGES, undefined]) } }),
  "other total": ({ dice, start, length, server }) => ({
    headers: {
      "Content-Range": `bytes ${start}-${start + length - 1}/${server.version.size + dice.between(1, 9)}`,
    },
  }),
  multipart: () => ({ headers: { "Content-Type": "multipart/byteranges; boundary=x" } }),
  "odd length": ({ dice }) => ({ headers: { "Content-Length": dice.pick(LENGTHS) } }),
  "length and chunks": () => ({ chunked: true, headers: { "Content-Length": "7" } }),
  "encoded": ({ dice }) => ({ headers: { "Content-Encoding": dice.pick(["gzip", "br", "zstd", "x-none"]) } }),
  redirect: ({ dice }) => ({
    status: dice.pick([301, 302, 303, 307, 308]),
    headers: { Location: dice.pick(REDIRECTS) },
  }),
  "no etag": () => ({ headers: { ETag: undefined } }),
  "no date": () => ({ headers: { "Last-Modified": undefined } }),
  "no validator": () => ({ headers: { ETag: undefined, "Last-Modified": undefined } }),
  "other etag": ({ dice }) => ({ headers: { ETag: `"other ${dice.below(3)}"` } }),
  "rubbish head": ({ dice }) => ({
    rawHead: dice.pick(["HTTP/1.1 abc\r\n\r\n", "\r\n\r\n", "HTTP/1.1 206 x\r\nA\r\n\r\n", "<html>\r\n\r\n"]),
    cutAfter: 0,
  }),
};

/** The server has another file, and says so. */
const CHANGED: Readonly<Record<string, Make>> = {
  "same size": (occasion) => change(occasion, occasion.dice.between(100, 105), 0),
  "other size": (occasion) =>
    change(occasion, occasion.dice.between(100, 105), occasion.dice.between(1, 40_000)),
  "smaller": (occasion) => change(occasion, 99, -occasion.dice.below(occasion.server.version.size + 1)),
  replica: ({ dice, server, validators }) =>
    versionWith(validators, dice.between(100, 102), server.version.size),
  "login page": ({ dice }) => ({
    status: 200,
    body: `<html>${"please log in ".repeat(dice.between(1, 99))}</html>`,
    headers: { ETag: undefined, "Last-Modified": undefined, "Content-Type": "text/html" },
  }),
};

/** What nobody can notice without a checksum. */
const LIES: Readonly<Record<string, Make>> = {
  "other bytes": ({ dice, server: { version } }) => ({
    seed: dice.between(200, 202),
    etag: version.etag,
    lastModified: version.lastModified,
  }),
  "misplaced bytes": (occasion) => {
    const { start, length, server } = occasion;
    if (length === 0) return {};
    const field = `bytes ${start}-${start + length - 1}/${server.version.size}`;
    return {
      range: shifted(occasion),
      bodyLength: length,
      headers: { "Content-Range": field, "Content-Length": `${length}` },
    };
  },
};

function change({ server, validators }: Occasion, seed: number, growth: number): Reply {
  server.set(versionWith(validators, seed, server.version.size + growth));
  return {};
}

const GROUPS = { transient: TRANSIENT, wrong: WRONG, changed: CHANGED, lies: LIES };

/** Sorts of faults; only `transient` ones may never cost verified progress. */
export type FaultGroup = keyof typeof GROUPS;

/** A fault of one group. */
export function randomFault(group: FaultGroup, occasion: Occasion): Fault {
  const [name, make] = occasion.dice.pick(Object.entries(GROUPS[group]));
  const reply = make(occasion);
  const isEncoded = name === "encoded" && occasion.length > 0;
  const body = isEncoded ? Buffer.from(gzipSync("not the file")) : undefined;
  return {
    kind: `${group}: ${name}`,
    reply: body === undefined ? reply : { ...reply, body },
    isLie: group === "lies",
  };
}
