import { OptionTypeError } from "../option_error.ts";
import type { NetrcEntry } from "./resolved_options.ts";
import { withoutBrackets } from "../lib/ip_address.ts";

/**
 * Parses the text of a netrc file as curl does: words separated by blanks, `"quoted"` words with escapes, comments
 * on lines of their own, and macros, which are skipped. A `TypeError` names a line's number and not its content.
 */
export function parseNetrc(text: unknown): NetrcEntry[] {
  if (text === undefined) return [];
  if (typeof text !== "string") throw refused("expected the text of a netrc file");
  const entries: { machine: string | undefined; login: string; password: string }[] = [];
  let pending: string | undefined;
  let isMacro = false;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (isMacro) {
      isMacro = line.trim() !== "";
      continue;
    }
    if (line.trimStart().startsWith("#")) continue;
    for (const { word, isQuoted } of wordsOf(line, index + 1)) {
      const entry = entries.at(-1);
      if (pending !== undefined) {
        if (pending === "machine") entries.push({ machine: word.toLowerCase(), login: "", password: "" });
        else if (entry !== undefined && (pending === "login" || pending === "password")) {
          entry[pending] = word;
        }
        pending = undefined;
      } else if (isQuoted) {
        continue;
      } else if (word === "macdef") {
        isMacro = true;
        break;
      } else if (word === "default") {
        entries.push({ machine: undefined, login: "", password: "" });
      } else if (["machine", "login", "password", "account"].includes(word)) {
        pending = word;
      }
    }
  }
  return entries;
}

/** The first entry for a host. `mayBeDefault` says whether the entry for every host counts, too. */
export function findNetrcEntry(
  entries: readonly NetrcEntry[],
  host: string,
  mayBeDefault: boolean,
): NetrcEntry | undefined {
  const name = withoutBrackets(host).replace(/\.$/, "").toLowerCase();
  return entries.find(({ machine }) => machine === undefined ? mayBeDefault : machine === name);
}

function refused(problem: string): OptionTypeError {
  return new OptionTypeError({ option: "netrc", problem });
}

interface Word {
  readonly word: string;
  readonly isQuoted: boolean;
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

function wordsOf(line: string, number: number): Word[] {
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)(")?|\S+/g)].map(([word, quoted, end]) => {
    if (quoted === undefined) return { word, isQuoted: false };
    if (end === undefined) {
      throw refused(`in line ${number} a quotation mark is not closed`);
    }
    const plain = quoted.replace(/\\(.)/g, (_, character: string) => ESCAPES[character] ?? character);
    return { word: plain, isQuoted: true };
  });
}
