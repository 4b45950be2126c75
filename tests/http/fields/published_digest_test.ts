import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { formatChecksum } from "../../../src/options/checksum.ts";
import { publishedDigest } from "../../../src/http/fields/published_digest.ts";
import type { Verdict } from "../../../src/http/response_check.ts";

const hash = (algorithm: string) => createHash(algorithm).update("a");
const base64 = (algorithm: string): string => hash(algorithm).digest("base64");
const shown = (algorithm: string): string => `${algorithm}:${hash(algorithm).digest("hex")}`;

const WHOLE: Verdict = { kind: "complete", size: 1, isSameVersion: true };
const PART: Verdict = { kind: "part", range: { start: 0, end: 1 }, size: 5 };
const ALL_IN_ONE_PART: Verdict = { kind: "part", range: { start: 0, end: 5 }, size: 5 };

function find(headers: Record<string, string>, verdict: Verdict = WHOLE): string | undefined {
  const found = publishedDigest(new Headers(headers), verdict);
  return found && `${found.field} ${formatChecksum(found.checksum)}`;
}

const SHA256 = base64("sha256");
const BOTH = `md5=${base64("md5")},crc32c=AAAAAA==`;

for (
  const [what, headers, expected, verdict] of [
    ["Repr-Digest", { "repr-digest": `sha-256=:${SHA256}:` }, `repr-digest ${shown("sha256")}`, PART],
    [
      "the strongest of several",
      {
        "repr-digest": `sha-256=:${SHA256}:, sha-512=:${base64("sha512")}:, unixsum=:AAA=:`,
      },
      `repr-digest ${shown("sha512")}`,
      PART,
    ],
    ["Digest in a part", { "digest": `SHA-256=${SHA256}` }, `digest ${shown("sha256")}`, PART],
    ["Digest of SHA-1", { "digest": `sha=${base64("sha1")}` }, `digest ${shown("sha1")}`, WHOLE],
    [
      "Content-Digest of a whole body",
      { "content-digest": `sha-256=:${SHA256}:` },
      `content-digest ${shown("sha256")}`,
      WHOLE,
    ],
    [
      "Content-Digest of a part that is all",
      { "content-digest": `sha-256=:${SHA256}:` },
      `content-digest ${shown("sha256")}`,
      ALL_IN_ONE_PART,
    ],
    ["Content-Digest of a part", { "content-digest": `sha-256=:${SHA256}:` }, undefined, PART],
    ["Content-MD5", { "content-md5": base64("md5") }, `content-md5 ${shown("md5")}`, WHOLE],
    ["Content-MD5 of a part", { "content-md5": base64("md5") }, undefined, PART],
    ["x-goog-hash in a part", { "x-goog-hash": BOTH }, `x-goog-hash ${shown("md5")}`, PART],
    [
      "x-goog-hash of a stored encoding",
      { "x-goog-hash": BOTH, "x-goog-stored-content-encoding": "gzip" },
      undefined,
      PART,
    ],
    [
      "x-amz-checksum-sha256",
      { "x-amz-checksum-sha256": SHA256 },
      `x-amz-checksum-sha256 ${shown("sha256")}`,
      WHOLE,
    ],
    ["x-amz-checksum of a part", { "x-amz-checksum-sha256": SHA256 }, undefined, PART],
    ["x-amz-checksum of an upload in parts", { "x-amz-checksum-sha256": `${SHA256}-3` }, undefined, WHOLE],
    [
      "x-amz-checksum that says so",
      { "x-amz-checksum-sha256": SHA256, "x-amz-checksum-type": "COMPOSITE" },
      undefined,
      WHOLE,
    ],
    [
      "x-goog-hash of a stored encoding that is sent",
      { "x-goog-hash": BOTH, "x-goog-stored-content-encoding": "gzip", "content-encoding": "GZIP" },
      `x-goog-hash ${shown("md5")}`,
      PART,
    ],
    [
      "x-ms-blob-content-md5 in a part, beside that of the part",
      { "x-ms-blob-content-md5": base64("md5"), "content-md5": "AAAAAAAAAAAAAAAAAAAAAA==" },
      `x-ms-blob-content-md5 ${shown("md5")}`,
      PART,
    ],
    [
      "Docker-Content-Digest",
      { "docker-content-digest": shown("sha256") },
      `docker-content-digest ${shown("sha256")}`,
      WHOLE,
    ],
    ["Docker-Content-Digest in a part", { "docker-content-digest": shown("sha256") }, undefined, PART],
    [
      "Docker-Content-Digest of another function",
      { "docker-content-digest": `blake2b512:${"0".repeat(128)}`, "content-md5": base64("md5") },
      `content-md5 ${shown("md5")}`,
      WHOLE,
    ],
    ["a CRC", { "x-amz-checksum-crc32": "AAAAAA==", "x-amz-checksum-type": "FULL_OBJECT" }, undefined, WHOLE],
    ["an ETag that looks like MD5", { "etag": `"${hash("md5").digest("hex")}"` }, undefined, WHOLE],
    ["a digest of the wrong length", { "repr-digest": "sha-256=:AAAA:" }, undefined, WHOLE],
    ["rubbish", { "repr-digest": "sha-256", "digest": "====", "content-md5": "?" }, undefined, WHOLE],
    ["of an error page", { "repr-digest": `sha-256=:${SHA256}:` }, undefined, { kind: "empty" }],
    ["nothing", {}, undefined, WHOLE],
  ] as const
) {
  test(`a published digest is found: ${what}`, () => assert.equal(find(headers, verdict), expected));
}
