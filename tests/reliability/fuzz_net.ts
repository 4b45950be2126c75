import { Buffer } from "node:buffer";
import { isIP } from "node:net";
import { DownloadError } from "../../src/errors.ts";
import { CookieJar } from "../../src/http/caller/cookie_jar.ts";
import { parseCookieFile } from "../../src/options/cookies.ts";
import { getFollowing } from "../../src/http/redirect.ts";
import { decodeAnswer, DnsMessageError, encodeQuestion, isAnswerTo } from "../../src/net/dns/dns_message.ts";
import { callerWith } from "../helpers/caller.ts";
import { answerTo } from "../helpers/doubles/dns_answer.ts";
import { asField, check, mutateText } from "./fuzz_text.ts";
import type { Dice } from "./run_dice.ts";

const ORIGIN = "https://a.example";
const LOCATIONS = [
  ...[
    "/next",
    "?q=1",
    "#top",
    "",
    ".",
    "../..",
    "//b.example/x",
    "https://a.example:443/y",
    "https://b.example/",
  ],
  ...[
    "http://a.example/x",
    "https://a.example@b.example/",
    "https://u:p@a.example/",
    "HTTPS://A.EXAMPLE/",
    "\\\\b.example",
  ],
  ...[
    "https:/\\b.example",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "data:,x",
    "ftp://a.example/",
    "https://[::1",
    "blob:x",
  ],
  ...["https://a.example.b.example/", "https://a.example./", "https:a.example", "https:b", "//a.example:1/"],
];

/** A chain of redirects: where requests go, and what goes along. */
export async function fuzzRedirects(dice: Dice): Promise<void> {
  const allowDowngrade = dice.chance(0.2);
  const seen: string[] = [];
  let isAway = false;
  const get = (url: string, { headers }: { headers: Headers }): Promise<Response> => {
    const { protocol, origin, hostname, username, password } = new URL(url);
    seen.push(url);
    check(protocol === "https:" || protocol === "http:", "a protocol that is not followed", seen);
    check(allowDowngrade || protocol === "https:", "a downgrade", seen);
    check(username === "" && password === "", "credentials of a Location", seen);
    isAway ||= origin !== ORIGIN;
    check(headers.has("x-secret") === !isAway, "a secret on its way", seen);
    const isHome = hostname.replace(/\.$/, "") === "a.example";
    check((headers.get("cookie") === "id=1") === isHome, "a cookie elsewhere, or none at home", seen);
    check(headers.get("range") === "bytes=0-9", "a request without its range", seen);
    check(seen.length <= 11, "too many redirects", seen);
    if (dice.chance(0.1)) return Promise.resolve(new Response("there"));
    const location = asField(
      dice.chance(0.5) ? dice.pick(LOCATIONS) : mutateText(dice, dice.pick(LOCATIONS)),
    );
    const fields = new Headers(dice.chance(0.95) ? { location } : {});
    return Promise.resolve(
      new Response(null, { status: dice.pick([301, 302, 303, 307, 308]), headers: fields }),
    );
  };
  const cookies = parseCookieFile("a.example\tFALSE\t/\tFALSE\t0\tid\t1");
  try {
    await getFollowing({ get, close: () => {} }, {
      target: { url: `${ORIGIN}/file`, isTrusted: true },
      ownHeaders: new Headers({ range: "bytes=0-9" }),
      caller: callerWith(new Headers({ "x-secret": "s" }), { cookies }),
      allowDowngrade,
      wallMs: 0,
      signal: new AbortController().signal,
    });
  } catch (error) {
    if (!(error instanceof DownloadError && error.code === "redirect")) throw error;
  }
}

const COOKIE_LINES = [
  "a.example\tTRUE\t/\tFALSE\t0\tname\ts3cret",
  "#HttpOnly_.a.example\tTRUE\t/dir\tTRUE\t4000000000\tid\t",
  "b.example\tFALSE\t/\tFALSE\t1\told\t1",
  "# comment",
  "",
];

/** The text of a cookie file: refused with a `TypeError`, or cookies that go where they belong. */
export function fuzzCookies(dice: Dice): void {
  let text = "";
  for (let lines = dice.between(1, 4); lines > 0; lines--) {
    text += `${dice.pick(COOKIE_LINES)}${dice.pick(["\n", "\r\n"])}`;
  }
  text = mutateText(dice, text);
  try {
    const cookies = parseCookieFile(text);
    for (
      const href of [
        "https://a.example/dir/x",
        "http://x.a.example/",
        "https://evil-a.example/",
        "https://c.example/",
      ]
    ) {
      const url = new URL(href);
      const field = new CookieJar(cookies).fieldFor(url, 10_000);
      // deno-lint-ignore no-control-regex -- what no field can hold
      check(field === undefined || !/[\x00-\x1f\x7f]/.test(field), "a field within a field", text);
      const domains = cookies.map(({ domain }) => domain).filter((domain) =>
        url.hostname === domain || url.hostname.endsWith(`.${domain}`)
      );
      check(field === undefined || domains.length >= field.split("; ").length, "a cookie for another host", {
        text,
        href,
      });
    }
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    check(!error.message.includes("s3cret"), "a value in a message", error.message);
  }
}

/** DNS answers: addresses, or a `DnsMessageError`. */
export function fuzzDns(dice: Dice): void {
  const question = { id: 7, name: "www.example.com", type: dice.pick(["A", "AAAA"] as const) };
  const data = question.type === "A" ? [192, 0, 2, 1] : Array.from({ length: 16 }, (_, index) => index);
  const records = [
    { owner: question.name, type: 5, data: "x.example.com" },
    { owner: "x.example.com", type: question.type === "A" ? 1 : 28, data },
  ];
  const message = Uint8Array.from(answerTo(encodeQuestion(question), { records }));
  for (let changes = dice.between(1, 4); changes > 0; changes--) {
    message[dice.below(message.length)] = dice.chance(0.5) ? dice.below(256) : dice.pick([0, 0xc0, 0xff, 12]);
  }
  const input = dice.chance(0.3) ? message.subarray(0, dice.below(message.length + 1)) : message;
  const isAnswer = isAnswerTo(question, input);
  try {
    const { addresses } = decodeAnswer(question, input);
    check(isAnswer, "an answer to another question", Buffer.from(input).toString("hex"));
    for (const { address, ttlSeconds } of addresses) {
      check(
        isIP(address) === (question.type === "A" ? 4 : 6) && ttlSeconds >= 0,
        "no address",
        Buffer.from(input).toString("hex"),
      );
    }
  } catch (error) {
    if (!(error instanceof DnsMessageError)) throw error;
  }
}
