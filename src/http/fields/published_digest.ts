import { Buffer } from "node:buffer";
import { type Checksum, type ChecksumAlgorithm, parseChecksum } from "../../options/checksum.ts";
import type { Verdict } from "../response_check.ts";

/** A digest that a server published for the complete file. */
export interface PublishedDigest {
  readonly checksum: Checksum;
  /** The header field, in lower case. */
  readonly field: string;
}

/** Algorithm names in header fields, strongest first. */
const NAMES: readonly (readonly [name: string, algorithm: ChecksumAlgorithm])[] = [
  ["sha-512", "sha512"],
  ["sha512", "sha512"],
  ["sha-256", "sha256"],
  ["sha256", "sha256"],
  ["sha", "sha1"],
  ["sha1", "sha1"],
  ["md5", "md5"],
];

/**
 * The strongest digest of the complete file in the fields of a response; `undefined` when there is none, or
 * all are malformed. Reads RFC 9530, its predecessors RFC 3230 and RFC 1864, and the fields of the large
 * object stores.
 */
export function publishedDigest(headers: Headers, verdict: Verdict): PublishedDigest | undefined {
  if (verdict.kind === "empty") return undefined; // the body is an error page
  const isComplete = verdict.kind === "complete" ||
    (verdict.kind === "part" && verdict.range.start === 0 && verdict.range.end === verdict.size);
  const found = [
    ...structured(headers, "repr-digest"),
    ...plain(headers, "digest"),
    ...(isComplete ? structured(headers, "content-digest") : []),
    ...(isComplete ? one("content-md5", "md5", headers.get("content-md5")) : []),
    ...(isSentAsStored(headers) ? plain(headers, "x-goog-hash") : []),
    ...(isComplete ? amazon(headers) : []),
    // This is the digest of the complete blob, also beside a part; that of the part is in Content-MD5.
    ...one("x-ms-blob-content-md5", "md5", headers.get("x-ms-blob-content-md5")),
    ...(isComplete ? docker(headers) : []),
  ];
  const strength = ({ checksum }: PublishedDigest) =>
    NAMES.findIndex(([, algorithm]) => algorithm === checksum.algorithm);
  return found.filter((digest) => strength(digest) >= 0).sort((a, b) => strength(a) - strength(b))[0];
}

/** `sha-256=:base64:` (RFC 9530, section 2, in the form of RFC 8941). */
function structured(headers: Headers, field: string): PublishedDigest[] {
  const items = (headers.get(field) ?? "").matchAll(/(?:^|,)\s*([a-z\d*_.-]+)=:([^:]*):/g);
  return Array.from(items).flatMap(([, name, base64]) => one(field, name, base64));
}

/** `SHA-256=base64` (RFC 3230), names in any case. */
function plain(headers: Headers, field: string): PublishedDigest[] {
  const items = (headers.get(field) ?? "").matchAll(/(?:^|,)\s*([A-Za-z\d-]+)=([A-Za-z\d+/]+=*)/g);
  return Array.from(items).flatMap(([, name, base64]) => one(field, name?.toLowerCase(), base64));
}

/** The hash of Google is that of the stored bytes. If the server decodes them, it sends other bytes. */
function isSentAsStored(headers: Headers): boolean {
  const [stored, sent] = ["x-goog-stored-content-encoding", "content-encoding"].map((field) =>
    headers.get(field)?.trim().toLowerCase() || "identity"
  );
  return stored === sent || !headers.has("x-goog-stored-content-encoding");
}

/** A checksum that ends in a number of parts is of a multipart upload, not of the file. */
function amazon(headers: Headers): PublishedDigest[] {
  if (headers.get("x-amz-checksum-type")?.toUpperCase() === "COMPOSITE") return [];
  return ["sha512", "sha256", "sha1", "md5"].flatMap((name) => {
    const field = `x-amz-checksum-${name}`;
    return one(field, name, headers.get(field));
  });
}

/** `sha256:hex` of the sent manifest or blob. */
function docker(headers: Headers): PublishedDigest[] {
  const field = "docker-content-digest";
  try {
    return [{ checksum: parseChecksum(headers.get(field)?.trim() ?? ""), field }];
  } catch {
    return []; // malformed, or an unknown algorithm
  }
}

function one(
  field: string,
  name: string | undefined,
  base64: string | null | undefined,
): PublishedDigest[] {
  const algorithm = NAMES.find(([known]) => known === name)?.[1];
  if (algorithm === undefined || !base64) return [];
  try {
    const hex = Buffer.from(atob(base64.trim()), "latin1").toString("hex");
    return [{ checksum: parseChecksum(`${algorithm}:${hex}`), field }];
  } catch {
    return []; // malformed, so ignored
  }
}
