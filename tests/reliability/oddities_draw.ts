import {
  type ContentRangeForm,
  type Hop,
  type OddCase,
  type Refusal,
  undetectable,
} from "./oddities_case.ts";
import type { Dice } from "./run_dice.ts";

const MIB = 2 ** 20;
const MAX_CONNECTIONS = 8;

const PATHS = [
  "//bucket//key",
  "/bucket//key//",
  "/a%2Fb%20c.bin",
  "/a+b;c=d,e@f:g!$&'()*",
  "/%41%c3%a9%e2%82%ac",
  "/get?sig=a%2Fb+c%3D&&d==&e",
  "/~user/.hidden.bin",
  "/a%252Fb?%20",
];
const TYPES = [
  "",
  "text/html",
  "text/plain; charset=utf-8",
  "multipart/form-data; boundary=x",
  "multipart/related",
  "multipart/mixed; boundary=a",
  "multipart/x-zip",
  "application/json",
  "message/http",
  "application/x-gzip",
  "nonsense",
  "*/*",
];
const FIELDS = [
  "Set-Cookie: a=1; Path=/; HttpOnly",
  "Set-Cookie: b=2; Expires=Wed, 21 Oct 2099 07:28:00 GMT; SameSite=None; Secure",
  'Content-Disposition: attachment; filename="a.bin"',
  "Content-Disposition: inline",
  "Location: /elsewhere",
  "Content-Location: /elsewhere",
  "Refresh: 0; url=/elsewhere",
  "Retry-After: 120",
  'Alt-Svc: h3=":443"; ma=86400',
  "Strict-Transport-Security: max-age=31536000",
  "Vary: *",
  "Vary: Range",
  "Cache-Control: no-store, no-cache, no-transform",
  "Pragma: no-cache",
  "Age: 86400",
  'Warning: 110 - "Response is stale"',
  "X-Cache: HIT from proxy, MISS from other",
  "Keep-Alive: timeout=5, max=100",
  "Keep-Alive: timeout=1, max=1",
  "X-Empty:",
  "X-Blank:   ",
  "X-Bytes: \xe9\xfc\xff",
  `X-Long: ${"x".repeat(6000)}`,
  "Content-Length-Hint: 5",
  "X-Content-Range: bytes 0-0/1",
  "Content-Language: en, de",
  "Content-Transfer-Encoding: binary",
  "MIME-Version: 1.0",
  "Trailer: X-Trailer",
  "Upgrade: h2c",
  "Link: </other>; rel=canonical",
  "Transfer-Size: 17",
];
const REFUSALS: readonly Refusal[] = [400, 403, 404, 405, 416, 500, 501, "reset", "close", "silence"];
const EXTRA_REFUSALS: readonly Refusal[] = [
  ...[401, 403, 404, 421, 429, 503, 509] as const,
  ...["page", "redirect", "reset", "close", "silence"] as const,
];
const CONTENT_RANGES: readonly ContentRangeForm[] = [
  ...["none", "unknown total", "equals sign", "no unit", "colon", "blanks", "other case", "twice"] as const,
  ...["start off by one", "end off by one", "total off by one"] as const,
  ...["total is length", "total is end", "end as asked"] as const,
];
const FORMS: readonly Hop["form"][] = [
  ...[undefined, "absolute", "blanks", "double slash", "fragment", "lower name", "no scheme"] as const,
  ...["query", "raw UTF-8", "relative", "space", "twice", "upper scheme"] as const,
];
const ENCODINGS: readonly NonNullable<OddCase["encoding"]>[] = [
  ...["none", "identity", "UTF-8", "binary", "aws-chunked", "identity, identity", ""].map((value) => ({
    value,
  })),
  { value: "identity", twice: true },
  { value: "gzip", suffix: ".tar.gz" },
  { value: "gzip", suffix: ".tgz" },
  { value: "gzip", suffix: ".svgz" },
  { value: "x-gzip", suffix: ".gz" },
];

/** Draws a case: each oddity on its own, so that any may meet any. */
export function drawCase(dice: Dice): OddCase {
  for (;;) {
    const odd = draw(dice);
    // What nobody can notice is drawn as a lie, and seldom.
    if (undetectable(odd) === undefined || odd.lie !== undefined) return odd;
  }
}

function draw(dice: Dice): OddCase {
  const size = drawSize(dice);
  /** One of `choices` with this probability, under its name. */
  const maybe = <Key extends keyof OddCase>(
    key: Key,
    probability: number,
    make: () => OddCase[Key],
  ): Partial<OddCase> => {
    if (!dice.chance(probability)) return {};
    const value = make();
    return value === undefined ? {} : { [key]: value };
  };
  const redirects = dice.chance(0.2) ? drawHops(dice) : undefined;
  const encoding = dice.chance(0.12) ? dice.pick(ENCODINGS) : undefined;
  const isLied = dice.chance(0.06);
  const isStopped = isLied || dice.chance(0.2);
  return {
    size,
    connections: dice.between(1, MAX_CONNECTIONS),
    ...maybe("checksum", 0.3, () => true),
    // A name that fits its encoding is part of the encoding.
    ...(encoding?.suffix === undefined ? maybe("path", 0.12, () => dice.pick(PATHS)) : {}),
    ...(redirects === undefined ? {} : { redirects: fittingHops(redirects, encoding) }),
    ...(redirects === undefined ? {} : maybe("cookie", 0.2, () => true)),
    ...maybe("http10", 0.08, () => true),
    ...maybe("early", 0.05, () => true),
    ...maybe("bareStatus", 0.05, () => true),
    ...maybe("names", 0.1, () => dice.pick(["lower", "upper"] as const)),
    ...maybe("fields", 0.25, () => Array.from({ length: dice.between(1, 4) }, () => dice.pick(FIELDS))),
    ...maybe("type", 0.2, () => dice.pick(TYPES)),
    ...maybe("acceptRanges", 0.2, () => dice.pick(["", "none", "bytes, bytes", "Bytes"])),
    ...maybe("connection", 0.1, () => dice.pick(["close", "closes silently"] as const)),
    ...maybe("clock", 0.06, () => dice.pick(["none", "behind"] as const)),
    ...maybe("plainStatus", 0.05, () => dice.pick([203, 206, 403] as const)),
    ...maybe("ranges", 0.25, () => dice.pick(["ignored", "short", "to the end", "multipart"] as const)),
    ...maybe("partStatus", 0.15, () => 200),
    ...maybe("contentRange", 0.35, () => dice.pick(CONTENT_RANGES)),
    ...maybe("refusal", 0.15, () => drawRefusal(dice)),
    ...maybe(
      "length",
      0.2,
      () => dice.pick(["chunked", "chunked with trailers", "closed", "twice"] as const),
    ),
    ...maybe("partLength", 0.06, () => dice.pick([-1, 1] as const)),
    ...maybe(
      "etag",
      0.4,
      () =>
        dice.pick(["weak", "unquoted", "none", "none", "empty", "rotates", "edges", "strong later"] as const),
    ),
    ...maybe(
      "date",
      0.35,
      () => dice.pick(["none", "none", "young", "rotates", "edges", "rubbish"] as const),
    ),
    ...maybe("ifRange", 0.12, () => dice.pick(["200", "304", "412", "ignored"] as const)),
    ...(encoding === undefined ? {} : { encoding }),
    ...(size > 0 ? {} : maybe("empty", 0.8, () => drawEmpty(dice))),
    ...maybe("extra", 0.22, () => ({
      over: dice.between(1, 3),
      by: dice.pick(["open", "busy"] as const),
      how: dice.pick(EXTRA_REFUSALS),
    })),
    ...(isLied ? { lie: drawLie(dice) } : {}),
    ...maybe("cut", 0.06, () => ({
      request: dice.below(4),
      after: dice.fraction(),
      how: dice.pick(["close", "reset"] as const),
    })),
    ...maybe("passing", 0.06, () => ({
      request: dice.below(5),
      status: dice.pick([403, 429, 503, 520, 530] as const),
    })),
    ...(isStopped ? { stop: drawStop(dice) } : {}),
  };
}

function drawSize(dice: Dice): number {
  const kind = dice.fraction();
  if (kind < 0.06) return 0;
  if (kind < 0.3) return dice.pick([1, 2, 1000, 16_384, 100 * 1024, 300_000]);
  if (kind < 0.5) return MIB + dice.between(-1, 1);
  return dice.between(MIB + 2, 3 * MIB);
}

function drawHops(dice: Dice): Hop[] {
  return Array.from({ length: dice.between(1, 4) }, () => {
    const form = dice.pick(FORMS);
    const body = dice.pick([undefined, undefined, "chunked", "closed", "none"] as const);
    return {
      status: dice.pick([300, 301, 302, 302, 303, 307, 308] as const),
      ...(form === undefined ? {} : { form }),
      ...(body === undefined ? {} : { body }),
    };
  });
}

/** A query would hide the suffix that an encoding belongs to, and behind a fragment curl loses it. */
function fittingHops(hops: readonly Hop[], encoding: OddCase["encoding"]): readonly Hop[] {
  return hops.map((hop, index) => {
    const isLost = hops[index - 1]?.form === "fragment" ||
      (index === hops.length - 1 && encoding?.suffix !== undefined);
    return hop.form === "query" && isLost ? { ...hop, form: "absolute" } : hop;
  });
}

function drawRefusal(dice: Dice): NonNullable<OddCase["refusal"]> {
  const when = dice.pick(["any", "behind", "above"] as const);
  return {
    status: dice.pick(REFUSALS),
    when: when === "above" ? dice.pick([16_384, 65_536, 262_144, 1_000_000]) : when,
  };
}

function drawEmpty(dice: Dice): NonNullable<OddCase["empty"]> {
  return dice.pick(["416", "416", "204", "200", "bytes 0-0/0", "bytes -1--1/*", "bytes 0--1/0", "bytes */0"]);
}

function drawLie(dice: Dice): NonNullable<OddCase["lie"]> {
  const kind = dice.pick(["changes", "changes between", "changes between", "parts"] as const);
  const hidden = dice.pick([undefined, "etag", "both"] as const);
  return {
    kind,
    ...(kind === "changes" ? { after: dice.between(1, 4) } : {}),
    ...(hidden === undefined ? {} : { hidden }),
  };
}

function drawStop(dice: Dice): NonNullable<OddCase["stop"]> {
  return {
    after: dice.fraction(),
    how: dice.pick(["pause", "abort", "close"] as const),
    ...(dice.chance(0.5) ? { other: true } : {}),
    ...(dice.chance(0.3) ? { isSudden: true } : {}),
  };
}
