import { fileNameFromContentDisposition } from "./content_disposition.ts";
import { isCharset } from "./encoded_name.ts";

/** What names end in whose files are in a coding already. Of any other coding they end in its own name. */
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

/** Other words for them; an `x-` before any word means nothing. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ["gz", "gzip"],
  ["brotli", "br"],
  ["zst", "zstd"],
  ["bzip", "bzip2"],
  ["bz2", "bzip2"],
  ["lz", "lzip"],
]);

/** Words that say that there is none, how mail would have sent it, or how it came into the store. */
const NO_CODINGS: ReadonlySet<string> = new Set([
  ...["", "identity", "none", "no", "null", "nil", "undefined", "off", "false", "default", "plain", "raw"],
  ...["text", "ansi", "unicode", "7bit", "8bit", "binary", "base64", "quoted-printable", "aws-chunked"],
]);

const MEDIA_TYPE = /^(?:application|audio|font|image|message|model|multipart|text|video)\/[\w.+-]+$/;

/** Names of programs that send files, which say nothing of the file. */
const PROGRAM = /\.(?:php\d?|aspx?|ashx|jspx?|cgi|pl|do|action)$/;

/**
 * The `Content-Encoding` that stands between the body of a response and the file that was asked for; `undefined` where
 * the body is the file. Many servers say of a `.tar.gz` that it is encoded as gzip: that is how it is stored, and nothing was
 * encoded on the way. The name must prove it, since every other file would be hidden in the coding.
 *
 * `urls` are those that lead to the file: the one that answered, and the caller's.
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

/** In lower case, without quotes and parameters. */
function wordOf(text: string): string {
  return text.replace(/;.*/s, "").replace(/["']/g, "").trim().toLowerCase();
}

function codingOf(word: string): string {
  const name = word.replace(/^application\//, "").replace(/^x-/, "");
  return ALIASES.get(name) ?? name;
}

/** Charsets and media types are meant for `Content-Type`; `application/gzip` stands for the coding. */
function isNoCoding(word: string): boolean {
  if (NO_CODINGS.has(word) || isCharset(word.replace(/^charset=/, ""))) return true;
  return MEDIA_TYPE.test(word) && !SUFFIXES.has(codingOf(word));
}

/** The name that the server gives decides; without one, every URL with a name that says something; else the type. */
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

/** A page that answers in place of an archive is encoded on the way. */
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

/** What stands behind the last dot, if it could be the ending of a name and not a version. */
function suffixOf(name: string): string | undefined {
  return /\.([\da-z]*[a-z][\da-z]*)$/i.exec(name)?.[1]?.toLowerCase();
}
