import assert from "node:assert/strict";
import { test } from "node:test";
import { hidingCoding } from "../../../src/http/fields/content_encoding.ts";

interface Case {
  readonly encoding: string;
  /** Paths of the URL that answered and of the caller's. */
  readonly paths?: readonly string[];
  readonly type?: string;
  readonly disposition?: string;
}

function hiding({ encoding, paths = ["/file.bin"], type, disposition }: Case): string | undefined {
  const headers = new Headers({ "content-encoding": encoding });
  if (type !== undefined) headers.set("content-type", type);
  if (disposition !== undefined) headers.set("content-disposition", disposition);
  return hidingCoding(headers, paths.map((path) => `https://example.com${path}`));
}

function assertAll(cases: readonly Case[], hides: boolean): void {
  for (const it of cases) assert.equal(hiding(it) !== undefined, hides, JSON.stringify(it));
}

test("93 no Content-Encoding hides nothing", () => {
  assert.equal(hidingCoding(new Headers(), []), undefined);
});

test("93 words that are no coding hide nothing", () => {
  const words = [
    ...["", " ", "identity", "Identity", "identity, identity", "none", "NONE", "utf-8", "UTF8", "utf-16"],
    ...["iso-8859-1", "us-ascii", "windows-1252", "gbk", "charset=utf-8", "binary", "7bit", "8bit", "base64"],
    ...["aws-chunked", "aws-chunked,", "identity, aws-chunked", ",", ", ,", '"identity"', '""', "'none'"],
    ...["null", "undefined", "text/plain", "application/octet-stream", "video/mp4; codecs=x", "identity;q=1"],
  ];
  assertAll(words.map((encoding) => ({ encoding })), false);
});

test("93 a coding that the name tells is how the file is stored", () => {
  const stored = {
    "gzip": ["/a.gz", "/a.tar.gz", "/a.tgz", "/a.svgz", "/A.TAR.GZ", "/a.csv.gz?sign=x", "/d/a%20b.gz"],
    "x-gzip": ["/a.tar.gz", "/a.tgz"],
    '"gzip"': ["/a.tar.gz"],
    "GZip": ["/a.tar.gz"],
    "gzip;q=1": ["/a.tar.gz"],
    "gz": ["/a.tar.gz"],
    "application/gzip": ["/a.tar.gz"],
    "application/x-gzip": ["/a.tgz"],
    "aws-chunked,gzip": ["/a.tar.gz"],
    "gzip, identity": ["/a.tar.gz"],
    "zstd": ["/a.zst", "/a.tar.zst", "/a.tzst"],
    "br": ["/a.js.br", "/a.tar.br"],
    "deflate": ["/a.zz"],
    "bzip2": ["/a.bz2", "/a.tbz2", "/a.tbz"],
    "x-bzip2": ["/a.tar.bz2"],
    "xz": ["/a.tar.xz", "/a.txz"],
    "x-xz": ["/a.xz"],
    "lzma": ["/a.lzma"],
    "compress": ["/a.Z", "/a.tar.Z"],
    "x-compress": ["/a.taz"],
    "lz4": ["/a.lz4"],
    "zip": ["/a.zip"],
  };
  for (const [encoding, paths] of Object.entries(stored)) {
    assertAll(paths.map((path) => ({ encoding, paths: [path] })), false);
  }
});

test("93 a coding hides every file whose name does not tell it", () => {
  assertAll([
    { encoding: "gzip" },
    { encoding: "gzip", paths: ["/index.html"] },
    { encoding: "gzip", paths: ["/disk.iso"] },
    { encoding: "gzip", paths: ["/download"] },
    { encoding: "gzip", paths: ["/"] },
    { encoding: "gzip", paths: [] },
    { encoding: "gzip", paths: ["/a.tar"] },
    { encoding: "gzip", paths: ["/a.svg"] },
    { encoding: "gzip", paths: ["/a.zst"] },
    { encoding: "gzip", paths: ["/a.gz.sig"] },
    { encoding: "gzip", paths: ["/gz"] },
    { encoding: "gzip", paths: ["/dir.gz/"] },
    { encoding: "gzip", paths: ["/download?file=a.gz"] },
    { encoding: "br", paths: ["/a.gz"] },
    { encoding: "zstd", paths: ["/a.gz"] },
    { encoding: "deflate", paths: ["/a.gz"] },
    { encoding: "x-gzip", paths: ["/a.bin"] },
    { encoding: "zip", paths: ["/a.bin"] },
    { encoding: "dcb", paths: ["/a.bin"] },
    { encoding: "chunked", paths: ["/a.bin"] },
    { encoding: "gz/x", paths: ["/a.bin"] },
    { encoding: "application/x-gzip", paths: ["/a.bin"] },
    { encoding: "constructor", paths: ["/a.gz"] },
    // Twice on the way, or once in the store and once on the way.
    { encoding: "gzip, gzip", paths: ["/a.gz"] },
    { encoding: "gzip, br", paths: ["/a.gz"] },
  ], true);
  assert.equal(hiding({ encoding: "identity, X-GZIP, br" }), "identity, X-GZIP, br");
});

test("93 each URL that has a name must tell the coding", () => {
  const encoding = "gzip";
  assertAll([
    { encoding, paths: ["/5f3a", "/a.tar.gz"] },
    { encoding, paths: ["/a.tar.gz", "/latest"] },
    { encoding, paths: ["/a.tar.gz", "/get.php"] },
    { encoding, paths: ["/a.tar.gz", "/v1.2"] },
    { encoding, paths: ["/other.tgz", "/a.tar.gz"] },
  ], false);
  assertAll([
    { encoding, paths: ["/disk.iso.gz", "/disk.iso"] },
    { encoding, paths: ["/disk.iso", "/disk.iso.gz"] },
    { encoding, paths: ["/login.html", "/a.tar.gz"] },
    { encoding, paths: ["/get.php", "/latest"] },
  ], true);
});

test("93 the name that the server gives counts more than URLs", () => {
  const encoding = "gzip";
  assertAll([
    { encoding, paths: ["/get.php"], disposition: 'attachment; filename="a.tar.gz"' },
    { encoding, paths: ["/blob.bin"], disposition: "attachment; filename*=UTF-8''a%2Egz" },
    { encoding, paths: ["/a.tar.gz"], disposition: "attachment" },
  ], false);
  assertAll([
    { encoding, paths: ["/disk.iso.gz"], disposition: 'attachment; filename="disk.iso"' },
    { encoding, paths: ["/a.gz"], disposition: 'attachment; filename="a"' },
  ], true);
});

test("93 where no name says anything, the type does", () => {
  const paths = ["/download"];
  const stored = {
    "gzip": [
      ...["application/gzip", "application/x-gzip", "Application/X-GZIP; charset=binary"],
      ...["application/x-tgz", "application/vnd.oci.image.layer.v1.tar+gzip"],
    ],
    "zstd": ["application/zstd", "application/vnd.oci.image.layer.v1.tar+zstd"],
    "bzip2": ["application/x-bzip2", "application/x-bzip", "application/x-bzip2-compressed-tar"],
    "xz": ["application/x-xz"],
  };
  for (const [encoding, types] of Object.entries(stored)) {
    assertAll(types.map((type) => ({ encoding, paths, type })), false);
    assertAll(types.map((type) => ({ encoding, paths: ["/disk.iso"], type })), true);
    const others = ["application/x-tar", "application/octet-stream", "text/html", "gzip/html", ""];
    assertAll(others.map((type) => ({ encoding, paths, type })), true);
  }
});

test("93 a page in place of an archive is encoded on the way", () => {
  const encoding = "gzip";
  assertAll([{ encoding, paths: ["/a.tar.gz"], type: "text/html; charset=utf-8" }], true);
  assertAll([
    { encoding, paths: ["/page.html.gz"], type: "text/html" },
    { encoding, paths: ["/notes.txt.gz"], type: "text/plain" },
    { encoding, paths: ["/a.svgz"], type: "image/svg+xml" },
    { encoding, paths: ["/a.tar.gz"], type: "application/x-tar" },
  ], false);
});
