import { FILE_NAME_BYTES, isNameBeside, unitsThatFit } from "../lib/output_names.ts";
import { stripUnprintable } from "../lib/terminal_text.ts";

/** Room for the longest suffix of a name, `.bytehaul.lock`, and some reserve. */
const SUFFIX_BYTES = 32;

const MAX_BYTES = FILE_NAME_BYTES - SUFFIX_BYTES;

/** Longer names are cut first, because the time for normalizing grows with the square of the length. */
const MAX_RAW_LENGTH = 1024;

/** One or two extensions, as in `.tar.gz`, each of up to 16 bytes with its dot. */
const EXTENSION = /(?:\.[\w-]{1,15}){1,2}$/;

/** A name that means a device on Windows, with any extension, and with the spaces that Windows ignores. */
const DEVICE = /^(?:con|prn|aux|nul|com[1-9¹²³]|lpt[1-9¹²³]|conin\$|conout\$)\s*(?:\.|$)/i;

/**
 * Names of files that a runtime or a package manager reads by itself when it starts in their directory. Such files
 * decide which code runs first, where modules come from and where packages are fetched.
 */
const OBEYED = [
  /^node_modules$/iu,
  /^(?:bunfig\.toml|bun\.lockb?)$/iu,
  /^(?:deno\.(?:jsonc?|lock)|jsr\.jsonc?|import_map\.json)$/iu,
  /^(?:package(?:-lock)?|npm-shrinkwrap|node\.config)\.json$/iu,
  /^[jt]sconfig(?:\..*)?\.json$/iu,
  /^(?:yarn\.lock|pnpm-(?:lock|workspace)\.yaml)$/iu,
];

/** Dots and spaces at the end. Windows drops them, so two names could mean one file. */
const TRAILING = /(?<![\s.])[\s.]+$/;

/** Characters that no name on Windows may have. A colon starts an alternate data stream there. */
// deno-lint-ignore no-control-regex
const REFUSED_ON_WINDOWS = /[<>:"|?*\x00-\x1f]/;

function shorten(name: string): string {
  if (unitsThatFit(name, MAX_BYTES) === name.length) return name;
  const extension = EXTENSION.exec(name)?.[0] ?? "";
  const stem = name.slice(0, name.length - extension.length);
  return stem.slice(0, unitsThatFit(stem, MAX_BYTES - extension.length)).replace(TRAILING, "") + extension;
}

function avoidReserved(name: string): string {
  const prefix = DEVICE.test(name) || isObeyed(name) ? "_" : "";
  const suffix = isNameBeside(name) ? "_" : "";
  return prefix + name + suffix;
}

/** Some disks treat similar letters as equal, such as a long s or a ligature, so such letters match, too. */
function isObeyed(name: string): boolean {
  const plain = name.normalize("NFKC");
  return OBEYED.some((pattern) => pattern.test(plain));
}

function baseName(name: string): string {
  const base = name.slice(Math.max(name.lastIndexOf("/"), name.lastIndexOf("\\")) + 1);
  if (base.length <= MAX_RAW_LENGTH) return base;
  return base.slice(0, MAX_RAW_LENGTH / 2) + base.slice(-MAX_RAW_LENGTH / 2);
}

/**
 * Makes a name from a server or a URL safe on every system. Returns `undefined` when no character of it is left. The
 * result is a base name of visible characters. No system treats it specially, and it leaves room for the suffixes of
 * an unfinished download. Sanitizing the result again does not change it.
 */
export function sanitizeFileName(name: string): string | undefined {
  let safe = stripUnprintable(baseName(name).toWellFormed())
    .normalize("NFC")
    .replace(/^[a-z]:/i, "")
    // A colon after an extension starts an alternate data stream. Elsewhere it is punctuation.
    .replace(/(?<=\.\w{1,15}):.*/s, "")
    .replace(/[<>:"|?*]/g, "_")
    .replace(/^[\s.-]+/, "")
    .replace(TRAILING, "");
  if (safe === "") return undefined;

  // Shortening can produce a name that needs renaming, and renaming makes the name longer again. The loop ends
  // because no end of a name is renamed twice: a new suffix becomes part of the extension, which stays.
  for (let before = ""; before !== safe;) {
    before = safe;
    safe = shorten(avoidReserved(safe));
  }
  return safe;
}

/** Why a file cannot have this name on Windows; `undefined` when it can. */
export function refusedByWindows(name: string): string | undefined {
  if (DEVICE.test(name)) return "Windows takes that name for a device";
  if (REFUSED_ON_WINDOWS.test(name)) return 'a name on Windows has none of < > : " | ? *';
  if (/[. ]$/.test(name)) return "Windows drops dots and spaces at the end of a name";
  return undefined;
}

/** The last segment of a URL's path, decoded but not sanitized; `undefined` when there is none. */
export function fileNameFromUrl(url: string): string | undefined {
  const path = URL.parse(url)?.pathname ?? "";
  const segment = path.slice(path.lastIndexOf("/") + 1);
  // One character at a time, so that bytes that are not UTF-8 stay as they are and the text around them is decoded.
  const character =
    /%[0-7][\da-f]|%[c-d][\da-f]%[89ab][\da-f]|%e[\da-f](?:%[89ab][\da-f]){2}|%f[0-7](?:%[89ab][\da-f]){3}/gi;
  const decoded = segment.replace(character, (escapes) => {
    try {
      return decodeURIComponent(escapes);
    } catch {
      return escapes;
    }
  });
  return decoded || undefined;
}

/** The first candidate that sanitizing leaves a name of, or `download` when there is none. */
export function chooseFileName(candidates: readonly (string | undefined)[]): string {
  for (const candidate of candidates) {
    const name = candidate === undefined ? undefined : sanitizeFileName(candidate);
    if (name !== undefined) return name;
  }
  return "download";
}
