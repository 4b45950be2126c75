import { FILE_NAME_BYTES, isNameBeside, unitsThatFit } from "../lib/output_names.ts";
import { stripUnprintable } from "../lib/terminal_text.ts";

/** Room for the longest suffix that goes behind a name, `.bytehaul.lock`, and some to spare. */
const SUFFIX_BYTES = 32;

const MAX_BYTES = FILE_NAME_BYTES - SUFFIX_BYTES;

/** Longer names are cut before anything else is done, since normalizing takes the square of the length. */
const MAX_RAW_LENGTH = 1024;

/** One or two extensions, as in `.tar.gz`, each of up to 16 bytes with its dot. */
const EXTENSION = /(?:\.[\w-]{1,15}){1,2}$/;

/** A name that Windows takes for a device, whatever its extension, and the spaces it ignores. */
const DEVICE = /^(?:con|prn|aux|nul|com[1-9¹²³]|lpt[1-9¹²³]|conin\$|conout\$)\s*(?:\.|$)/i;

/**
 * A name of which a runtime or a package manager makes use when it is started in that directory, without being asked:
 * code that runs first, where modules come from, where packages are fetched.
 */
const OBEYED = [
  /^node_modules$/iu,
  /^(?:bunfig\.toml|bun\.lockb?)$/iu,
  /^(?:deno\.(?:jsonc?|lock)|jsr\.jsonc?|import_map\.json)$/iu,
  /^(?:package(?:-lock)?|npm-shrinkwrap|node\.config)\.json$/iu,
  /^[jt]sconfig(?:\..*)?\.json$/iu,
  /^(?:yarn\.lock|pnpm-(?:lock|workspace)\.yaml)$/iu,
];

/** Runs of these at the end are dropped by Windows, so two names could be one. */
const TRAILING = /(?<![\s.])[\s.]+$/;

/** What no name on Windows has; a colon there starts an alternate data stream. */
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

/** Some disks take letters for one that only look alike, such as a long s or a ligature. */
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
 * Makes a name that a server or a URL supplied safe on every system, or gives `undefined` when nothing is
 * left of it. Only the base name is kept, visible and without characters or meanings that some system
 * treats specially, and short enough for the suffixes of a download in progress. Applied to its own result
 * it changes nothing.
 */
export function sanitizeFileName(name: string): string | undefined {
  let safe = stripUnprintable(baseName(name).toWellFormed())
    .normalize("NFC")
    .replace(/^[a-z]:/i, "")
    // A colon behind an extension starts an alternate data stream; elsewhere it is punctuation.
    .replace(/(?<=\.\w{1,15}):.*/s, "")
    .replace(/[<>:"|?*]/g, "_")
    .replace(/^[\s.-]+/, "")
    .replace(TRAILING, "");
  if (safe === "") return undefined;

  // Shortening can uncover a name that needs renaming, and renaming makes it longer again. It ends because
  // a name is never renamed at the same end twice: a new suffix becomes part of the extension, which stays.
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

/** The last segment of a URL's path, decoded, or `undefined` when there is none. It needs sanitizing. */
export function fileNameFromUrl(url: string): string | undefined {
  const path = URL.parse(url)?.pathname ?? "";
  const segment = path.slice(path.lastIndexOf("/") + 1);
  // One character at a time, so that what is no UTF-8 stays as it is and spoils nothing around it.
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

/** The first candidate that is a usable name once sanitized, or `download` when none is. */
export function chooseFileName(candidates: readonly (string | undefined)[]): string {
  for (const candidate of candidates) {
    const name = candidate === undefined ? undefined : sanitizeFileName(candidate);
    if (name !== undefined) return name;
  }
  return "download";
}
