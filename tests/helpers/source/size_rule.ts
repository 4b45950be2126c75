import { dirname } from "node:path/posix";
import { blankText } from "./source_text.ts";

/** The most lines of a file, files directly in a folder, and parameters of a function in `src/`. */
export const LIMITS = { lines: 250, files: 16, parameters: 4 };

/** Files with the signatures of functions of the system, whose parameters are given. */
const SYSTEM_FUNCTIONS = ["src/runtime/bun/windows_lock.ts"];

/** Everything in the files, by path, that is above a limit. */
export function oversized(files: ReadonlyMap<string, string>): string[] {
  const found: string[] = [];
  const folders = new Map<string, number>();
  for (const [path, source] of files) {
    const folder = dirname(path);
    folders.set(folder, (folders.get(folder) ?? 0) + 1);
    const lines = source.replace(/\n$/, "").split("\n").length;
    if (lines > LIMITS.lines) found.push(`${path}: ${lines} lines`);
    if (SYSTEM_FUNCTIONS.includes(path)) continue;
    for (const { line, count } of parameterLists(source)) {
      if (count > LIMITS.parameters) found.push(`${path}:${line} ${count} parameters`);
    }
  }
  for (const [folder, count] of folders) if (count > LIMITS.files) found.push(`${folder}: ${count} files`);
  return found;
}

/**
 * The parameter lists of a formatted source file: parentheses before a result type, a body or an arrow, unless a
 * keyword such as `if` is before them. Types of functions and signatures in interfaces count, too.
 */
export function parameterLists(source: string): { readonly line: number; readonly count: number }[] {
  const text = blankText(source);
  const lists = [];
  for (let start = text.indexOf("("); start >= 0; start = text.indexOf("(", start + 1)) {
    const end = closing(text, start);
    const isControl = /\b(?:if|for|for await|while|switch|catch|with)\s*$/.test(text.slice(0, start));
    if (isControl || !/^(?::| \{| =>)/.test(text.slice(end + 1, end + 4))) continue;
    lists.push({
      line: text.slice(0, start).split("\n").length,
      count: countItems(text.slice(start + 1, end)),
    });
  }
  return lists;
}

/** The offset of the bracket that closes the one at `start`. */
function closing(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    if (text[at] === "(") depth++;
    if (text[at] === ")" && --depth === 0) return at;
  }
  return text.length;
}

/** How many items a list has that commas separate. Commas inside brackets do not count, nor does one at the end. */
function countItems(list: string): number {
  const text = list.replaceAll("=>", "  ").trim().replace(/,$/, "");
  if (text === "") return 0;
  let depth = 0;
  let count = 1;
  for (const character of text) {
    if ("([{<".includes(character)) depth++;
    if (")]}>".includes(character)) depth--;
    if (character === "," && depth === 0) count++;
  }
  return count;
}
