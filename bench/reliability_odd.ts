/** Scenarios with an odd server that has the file and can send it. The kinds come from public bug reports. */
import { STATUS_CODES } from "node:http";
import { contentBytes } from "../testing/content.ts";
import type { Answer, RawResponse } from "../tests/reliability/oddities_raw.ts";
import { odd, oddOnResume, type OddScenario, oddServer } from "./reliability_odd_stage.ts";
import { OLD, SIZE } from "./reliability_stage.ts";

const BODY = contentBytes(OLD, 0, SIZE);
const SMALL = 100 * 1024;
const MANY_FIELDS = Array.from({ length: 150 }, (_, index) => `X-Field-${index}: ${index}`);

/** A response of a server without ranges. */
function plain(status: number, lines: readonly string[], body?: Uint8Array): RawResponse {
  const length = `Content-Length: ${body?.length ?? 0}`;
  return {
    head: [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Unknown"}`, ...lines, length, "Connection: close"],
    ...(body === undefined ? {} : { body }),
    closes: true,
  };
}

/** The file needs a cookie. Another page sets the cookie and redirects back. */
function behindLogin(body: Uint8Array): Answer {
  return ({ path, headers: { cookie = "" } }) => {
    if (path === "/login") return plain(302, ["Location: /out.bin", "Set-Cookie: session=1; Path=/"]);
    if (!cookie.includes("session=1")) return plain(302, ["Location: /login"]);
    return plain(200, ["Content-Type: application/octet-stream"], body);
  };
}

/** The first requests are refused with `status` and `Retry-After`. */
function refusedAtFirst(status: number, count: number): (body: Uint8Array) => Answer {
  return (body) => {
    let left = count;
    return () => left-- > 0 ? plain(status, ["Retry-After: 1"]) : plain(200, [], body);
  };
}

export const ODD_SCENARIOS: readonly OddScenario[] = [
  odd("85 a range is honoured with status 200", { partStatus: 200 }),
  odd("85 the same without Content-Range", { partStatus: 200, contentRange: "none" }),
  odd("85 the same, chunked", { partStatus: 200, contentRange: "none", length: "chunked" }),
  odd("86 the total is the part's length", { contentRange: "total is length" }),
  odd("86 the total is the part's end", { contentRange: "total is end" }),
  odd("87 path //bucket//out.bin", { path: "//bucket//out.bin" }),
  odd("87 the same in a redirect", { redirects: [{ form: "double slash" }] }),
  odd("88 raw UTF-8 in Location", { redirects: [{ form: "raw UTF-8" }] }),
  odd("88 Location sent twice", { redirects: [{ form: "twice" }] }),
  odd("89 Content-Range a-b/*", { contentRange: "unknown total" }),
  odd("89 Content-Range bytes=a-b/c", { contentRange: "equals sign" }),
  odd("89 Content-Range without a unit", { contentRange: "no unit" }),
  odd("89 206 without Content-Range", { contentRange: "none" }),
  odd("89 Content-Range that ends one byte late", { contentRange: "end off by one" }),
  odd("89 Content-Range 0-1048575/102400", { size: SMALL, contentRange: "end as asked" }),
  odd("89 the end of the range is ignored", { ranges: "to the end" }),
  odd("89 Content-Length of parts one too small", { partLength: -1 }),
  odd("89 multipart/byteranges for one range", { ranges: "multipart" }),
  odd("90 403 to any range", { refusal: { status: 403 } }),
  odd("90 501 to any range", { refusal: { status: 501 } }),
  odd("90 416 to a range that ends behind the file", {
    size: SMALL,
    refusal: { status: 416, when: "behind" },
  }),
  odd("90 reset on any range", { refusal: { status: "reset" } }),
  odd("90 silence on any range", { refusal: { status: "silence" } }),
  odd("91 empty file, 416 without Content-Range", { size: 0, empty: "416" }),
  odd("91 empty file, 206 with 0-0/0", { size: 0, empty: "bytes 0-0/0" }),
  odd("91 empty file, 204", { size: 0, empty: "204" }),
  odd("92 further connections get 403", { extra: { by: "open", how: 403 } }),
  odd("92 further connections get 509", { extra: { by: "open", how: 509 } }),
  odd("92 further connections get a page with 200", { extra: { by: "open", how: "page" } }),
  odd("92 further connections are redirected to a page", { extra: { by: "open", how: "redirect" } }),
  odd("92 further connections are reset", { extra: { by: "open", how: "reset" } }),
  odd("92 ranges above 1,000,000 bytes get 403", { refusal: { status: 403, when: 1_000_000 } }),
  odd("93 Content-Encoding none", { encoding: { value: "none" } }),
  odd("93 Content-Encoding identity, identity", { encoding: { value: "identity, identity" } }),
  odd("93 Content-Encoding gzip on out.tar.gz", {
    path: "/out.tar.gz",
    encoding: { value: "gzip", suffix: ".tar.gz" },
  }),
  odd("94 Content-Type multipart/form-data", { type: "multipart/form-data; boundary=x" }),
  oddOnResume("95 If-Range with the right ETag answered by 200", { ifRange: "200" }),
  oddOnResume("95 If-Range with the right ETag answered by 304", { ifRange: "304" }),
  odd("96 edges with other ETags, checksum known", { etag: "edges", checksum: true }),
  odd("96 the same, checksum unknown", { etag: "edges" }, "either"),
  odd(
    "97 Content-Disposition sent twice",
    { fields: ["Content-Disposition: attachment; filename=a.bin", "Content-Disposition: attachment"] },
    "fetch",
    { isNamedByServer: true },
  ),
  odd("98 150 header fields", { fields: MANY_FIELDS }, "either"),
  oddServer("99 the file, a login that sets a cookie, the file", behindLogin, BODY),
  odd(
    "100 Repr-Digest of another file",
    { fields: ["Repr-Digest: sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:"] },
    "either",
  ),
  oddServer("101 403 with Retry-After, then well", refusedAtFirst(403, 1), BODY),
  oddServer("101 530 with Retry-After, then well", refusedAtFirst(530, 1), BODY),
  oddOnResume("131 file replaced between two runs, same ETag and date", {
    lie: { kind: "changes between", hidden: "both" },
  }),
  oddOnResume("133 file replaced between two runs, same ETag, other date", {
    lie: { kind: "changes between", hidden: "etag" },
  }),
  oddOnResume("134 file replaced within the second of its date, no ETag", {
    etag: "none",
    date: "young",
    lie: { kind: "changes between", hidden: "both" },
  }),
];
