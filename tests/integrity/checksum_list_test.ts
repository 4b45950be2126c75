import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { formatChecksum } from "../../src/options/checksum.ts";
import { DownloadError } from "../../src/errors.ts";
import { checksumEntries, findInChecksumList } from "../../src/integrity/checksum_list.ts";

const digest = (algorithm: string, text: string): string => createHash(algorithm).update(text).digest("hex");
const MD5 = digest("md5", "a");
const SHA1 = digest("sha1", "a");
const SHA256 = digest("sha256", "a");
const SHA512 = digest("sha512", "a");
const OTHER = digest("sha256", "b");

function find(list: string, fileName = "disk.iso", listName = "SUMS"): string | undefined {
  const found = findInChecksumList(list, fileName, listName);
  return found && formatChecksum(found);
}

const FOUND: readonly (readonly [what: string, list: string, expected: string, listName?: string])[] = [
  ["text mode", `${OTHER}  other.iso\n${SHA256}  disk.iso\n`, `sha256:${SHA256}`],
  ["binary mode", `${SHA256} *disk.iso\n`, `sha256:${SHA256}`],
  ["a path", `${SHA256}  ./images/disk.iso\n`, `sha256:${SHA256}`],
  ["a path of Windows", `${SHA256}  images\\disk.iso\r\n`, `sha256:${SHA256}`],
  ["capital letters", `${SHA256.toUpperCase()}  disk.iso\n`, `sha256:${SHA256}`],
  ["md5 by its length", `${MD5}  disk.iso`, `md5:${MD5}`],
  ["sha1 by its length", `${SHA1}  disk.iso`, `sha1:${SHA1}`],
  ["sha512 by its length", `${SHA512}  disk.iso`, `sha512:${SHA512}`],
  ["blake2 by the name of the list", `${SHA512}  disk.iso`, `blake2b512:${SHA512}`, "B2SUMS"],
  ["SHA-3 by the name of the list", `${SHA256}  disk.iso`, `sha3-256:${SHA256}`, "SHA3-256SUMS"],
  ["SHA-3 by a name with other marks", `${SHA512}  disk.iso`, `sha3-512:${SHA512}`, "disk.iso.sha3_512"],
  ["SHA-512/256 by the name of the list", `${SHA256}  disk.iso`, `sha512-256:${SHA256}`, "SHA512-256SUMS"],
  ["SHA-256 in a list of longer digests", `${SHA256}  disk.iso`, `sha256:${SHA256}`, "SHA512SUMS"],
  ["BSD style", `SHA256 (disk.iso) = ${SHA256}\n`, `sha256:${SHA256}`],
  [
    "BSD style of another function first",
    `SHA512 (other) = ${SHA512}\nMD5 (disk.iso) = ${MD5}`,
    `md5:${MD5}`,
  ],
  ["one digest alone", `${SHA256}\n`, `sha256:${SHA256}`],
  ["comments and PGP armour", `# of today\n-----BEGIN PGP-----\n${SHA256}  disk.iso\n`, `sha256:${SHA256}`],
  [
    "the strongest of several functions",
    `MD5 (disk.iso) = ${MD5}\nSHA512 (disk.iso) = ${SHA512}\nSHA1 (disk.iso) = ${SHA1}`,
    `sha512:${SHA512}`,
  ],
  [
    "a weak function that contradicts itself",
    `${MD5}  disk.iso\n${SHA256}  disk.iso\n${digest("md5", "b")}  disk.iso`,
    `sha256:${SHA256}`,
  ],
  ["the same line twice", `${SHA256}  disk.iso\n${SHA256}  disk.iso\n`, `sha256:${SHA256}`],
];

for (const [what, list, expected, listName] of FOUND) {
  test(`a checksum list is read: ${what}`, () => assert.equal(find(list, "disk.iso", listName), expected));
}

test("an escaped name is the name that it stands for", () => {
  assert.equal(find(`\\${SHA256}  a\\\\b\\nc`, "b\nc"), `sha256:${SHA256}`);
});

for (
  const [what, list] of [
    ["another file", `${SHA256}  disk.iso.sig`],
    ["an unknown function", `WHIRLPOOL (disk.iso) = ${SHA512}`],
    ["a digest of a length that none has", `${SHA256}00  disk.iso`],
    ["one digest among other lines", `${SHA256}\nhello`],
    ["nothing", "\n\n"],
  ] as const
) {
  test(`a checksum list says nothing of a file: ${what}`, () => assert.equal(find(list), undefined));
}

test("two different digests of one function for one file are refused", () => {
  assert.throws(
    () => find(`${SHA256}  disk.iso\n${OTHER}  disk.iso`),
    (error: unknown) =>
      error instanceof DownloadError && error.code === "checksum_list" &&
      /two different sha256/.test(error.message),
  );
});

test("all lines of a list are read, in order", () => {
  const list = `# of today\n${SHA256} *a/b.iso\nMD5 (c) = ${MD5}\nnothing\n\\${OTHER}  d\\ne\n`;
  const entries = checksumEntries(list, "SUMS").map((
    { checksum, name },
  ) => [formatChecksum(checksum), name]);
  assert.deepEqual(entries, [
    [`sha256:${SHA256}`, "a/b.iso"],
    [`md5:${MD5}`, "c"],
    [`sha256:${OTHER}`, "d\ne"],
  ]);
  assert.deepEqual(checksumEntries(SHA256, "disk.iso.sha256").map(({ name }) => name), [undefined]);
});
