import { fileNameFromContentDisposition } from "./content_disposition.ts";
import { isCharset } from "./encoded_name.ts";

/** Name suffixes of files that are stored in a coding. For any other coding the suffix is its own name. */
const SUFFIXES: ReadonlyMap<string, readonly string[]> = new Map([
  ["gzip", ["gz", "gzip", "tgz", "taz", "tpz", "svgz", "emz", "wmz", "cpgz", "bgz", "bgzf", "dz", "crate"]],
  ["pack200-gzip", ["gz"]],
  ["deflate", ["zz", "zlib", "deflate"]],
  ["br", ["br", "brotli", "tbr"]],
  ["zstd", ["zst", "zstd", "tzst"]],
  ["compress", ["z", "taz"]],
  ["bzip2", ["bz2", "bz", "tbz2", "tbz", "tb2", "tz2"]],
  ["xz", ["xz", "txz"]],
  ["lzma", ["lzma", "tlz"]],
  ["lzip", ["lz", "tlz"]],
]);

/** Other names of codings. An `x-` before a name is ignored. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ["gz", "gzip"],
  ["brotli", "br"],
  ["zst", "zstd"],
  ["bzip", "bzip2"],
  ["bz2", "bzip2"],
  ["lz", "lzip"],
]);

/** Words that are not codings: no coding, encodings of mail, and the form of an upload to a store. */
const NO_CODINGS: ReadonlySet<string> = new Set([
  ...["", "identity", "none", "no", "null", "nil", "undefined", "off", "false", "default", "plain", "raw"],
  ...["text", "ansi", "unicode", "7bit", "8bit", "binary", "base64", "quoted-printable", "aws-chunked"],
]);

const MEDIA_TYPE = /^(?:application|audio|font|image|message|model|multipart|text|video)\/[\w.+-]+$/;

/** Names of server programs, which do not describe the file. */
const PROGRAM = /\.(?:php\d?|aspx?|ashx|jspx?|cgi|pl|do|action)$/;

/**
 * The `Content-Encoding` that hides the requested file; `undefined` when the body is the file. Many servers
 * send a `.tar.gz` with the encoding gzip: the file is stored so, and nothing was encoded for the response.
 * The name of the file must show this, because any other file would be hidden by the coding.
 *
 * `urls` are the URLs of the file: the one that answered, and the caller's.
 */
export function hidingCoding(headers: Headers, urls: readonly string[]): string | undefined {
  const field = headers.get("content-encoding") ?? "";
  const [coding, ...more] = codingsIn(field);
  if (coding === undefined) return undefined;
  return more.length === 0 && isStoredIn(coding, headers, urls) ? undefined : field.replaceAll('"', "");
}

/** The codings in a field, without the words that are none. */
function codingsIn(field: string): string[] {
  return field.split(",").map(wordOf).filter((word) => !isNoCoding(word)).map(codingOf);
}

/** The word in lower case, without quotes around it and without parameters. */
function wordOf(text: string): string {
  return text.replace(/;.*/s, "").replace(/^[\s"']+|[\s"']+$/g, "").toLowerCase();
}

function codingOf(word: string): string {
  const name = word.replace(/^application\//, "").replace(/^x-/, "");
  return ALIASES.get(name) ?? name;
}

/**
 * Charsets and media types belong in `Content-Type`, so they are not codings; but `application/gzip` means
 * gzip.
 */
function isNoCoding(word: string): boolean {
  if (NO_CODINGS.has(word) || isCharset(word.replace(/^charset=/, ""))) return true;
  return MEDIA_TYPE.test(word) && !SUFFIXES.has(codingOf(word));
}

/**
 * The file name from the server decides; without it, all URLs whose name has a suffix; otherwise the type.
 */
function isStoredIn(coding: string, headers: Headers, urls: readonly string[]): boolean {
  const type = wordOf(headers.get("content-type") ?? "");
  const given = fileNameFromContentDisposition(headers.get("content-disposition") ?? "");
  const names = given === undefined
    ? urls.map(nameIn).filter((name) => suffixOf(name) !== undefined)
    : [given];
  if (names.length === 0) return isTypeOf(coding, type);
  const suffixes = SUFFIXES.get(coding) ?? [coding];
  return names.every((name) => suffixes.includes(suffixOf(name) ?? "") && !isPage(name, type));
}

/** A page in place of an archive was encoded for the response. */
function isPage(name: string, type: string): boolean {
  return /^(?:text\/html|application\/xhtml\+xml)$/.test(type) && !/\.x?html?\.\w+$/i.test(name);
}

/** A type such as `application/gzip`, `application/x-tgz` or `application/vnd.oci.image.layer.v1.tar+zstd`. */
function isTypeOf(coding: string, type: string): boolean {
  const words = type.replace(/^[^/]*\/?/, "").split(/[.+-]/);
  return words.some((word) => codingOf(word) === coding || SUFFIXES.get(coding)?.includes(word));
}

function nameIn(url: string): string {
  const path = URL.parse(url)?.pathname.toLowerCase() ?? "";
  const name = path.slice(path.lastIndexOf("/") + 1);
  return PROGRAM.test(name) ? "" : name;
}

/** The text after the last dot, if it may be a suffix and not a version number. */
function suffixOf(name: string): string | undefined {
  return /\.([\da-z]*[a-z][\da-z]*)$/i.exec(name)?.[1]?.toLowerCase();
}
