/**
 * Which file of the program may import which, read from the import statements themselves.
 *
 * @module
 */
import { posix } from "node:path";

const MIDDLE = ["plan", "http", "net", "flow", "storage", "integrity"] as const;
type Middle = typeof MIDDLE[number];

/** A place in the house; a folder, or a file that has a place of its own. */
type Place =
  | Middle
  | "bottom"
  | "interface"
  | "detect"
  | "console"
  | "runtime"
  | "session"
  | "handle"
  | "queue"
  | "downloader"
  | "mod"
  | "cli"
  | "command";

const FILES: Readonly<Record<string, Place>> = {
  "cli.ts": "command",
  "mod.ts": "mod",
  "src/downloader.ts": "downloader",
  "src/download_queue.ts": "queue",
  "src/handle.ts": "handle",
  "src/runtime/runtime.ts": "interface",
  "src/runtime/detect.ts": "detect",
  "src/runtime/console.ts": "console",
  "src/types.ts": "bottom",
  "src/errors.ts": "bottom",
  "src/options.ts": "bottom",
  "src/option_checks.ts": "bottom",
  "src/resolve_options.ts": "bottom",
  "src/checksum.ts": "bottom",
  "src/block.ts": "bottom",
  "src/wait_list.ts": "bottom",
  "src/terminal_text.ts": "bottom",
  "src/version.ts": "bottom",
};

const FOLDERS: readonly Place[] = [...MIDDLE, "session", "runtime", "cli"];

/** What each place may import; types of the interface aside, which all may. */
const MAY_IMPORT: Readonly<Record<Place, readonly Place[]>> = {
  bottom: ["bottom"],
  interface: ["bottom", "runtime"],
  detect: ["bottom", "runtime"],
  console: ["bottom", "runtime"],
  runtime: ["bottom", "runtime"],
  plan: ["bottom", "plan"],
  http: ["bottom", "http"],
  net: ["bottom", "net"],
  flow: ["bottom", "flow"],
  storage: ["bottom", "storage"],
  integrity: ["bottom", "integrity"],
  session: ["bottom", ...MIDDLE, "session"],
  handle: ["bottom", ...MIDDLE, "session"],
  queue: ["bottom", ...MIDDLE, "session", "handle"],
  downloader: ["bottom", ...MIDDLE, "session", "handle", "queue", "detect"],
  mod: ["bottom", "handle", "downloader"],
  cli: ["bottom", "mod", "cli", "console"],
  command: ["bottom", "mod", "cli", "console"],
};

/** Where the runtimes' names and modules may stand. */
const RUNTIME_SIDE: readonly Place[] = ["interface", "detect", "console", "runtime"];
const RUNTIME_MODULE = /^(?:(?:node:)?(?:fs|net|tls|dns|process)(?:\/.*)?|bun(?::.*)?)$/;
const RUNTIME_NAME = /(?:\bglobalThis\s*\??\.\s*|(?<![\w$.#]))(Deno|Bun|process)(?![\w$])/g;
const RUNTIME_WORD = /^(?:Deno|Bun|process)$/;

/** Says, a sentence each, what in `files` (text by path from the root of the repository) breaks the rule. */
export function violations(files: ReadonlyMap<string, string>): string[] {
  const found: string[] = [];
  for (const [path, text] of files) {
    const place = placeOf(path);
    if (place === undefined) {
      found.push(`${path} has no place in the house`);
      continue;
    }
    const source = readSource(text);
    for (const reference of importsOf(source)) {
      const problem = judge(path, place, reference);
      if (problem !== undefined) found.push(`${path} ${problem}`);
    }
    if (RUNTIME_SIDE.includes(place)) continue;
    for (const name of runtimeNames(source)) {
      found.push(`${path} names ${name}, which only src/runtime/ may`);
    }
  }
  return found;
}

function placeOf(path: string): Place | undefined {
  if (Object.hasOwn(FILES, path)) return FILES[path];
  const folder = /^src\/([^/]+)\/[^/]+\.ts$/.exec(path)?.[1];
  return FOLDERS.find((name) => name === folder);
}

interface Reference {
  /** `undefined` when it is computed. */
  readonly target: string | undefined;
  readonly isType: boolean;
}

function judge(path: string, place: Place, { target, isType }: Reference): string | undefined {
  if (target === undefined) return "imports something that only shows when it runs";
  if (!/^\.\.?\//.test(target)) {
    if (RUNTIME_MODULE.test(target)) {
      return RUNTIME_SIDE.includes(place) ? undefined : `imports "${target}", which only src/runtime/ may`;
    }
    return target.startsWith("node:") ? undefined : `imports "${target}", which is not part of the project`;
  }
  const imported = posix.join(posix.dirname(path), target);
  const where = placeOf(imported);
  if (where === undefined) return `imports ${imported}, which has no place in the house`;
  if (where === "interface") return isType ? undefined : `imports ${imported} as more than a type`;
  return MAY_IMPORT[place].includes(where) ? undefined : `(${place}) imports ${imported} (${where})`;
}

/** A program without comments; each string in `code` is `"n"`, where `strings[n]` has its text. */
interface Source {
  readonly code: string;
  readonly strings: readonly string[];
}

const CODE_PART = new RegExp(
  [
    String.raw`(?<comment>\/\/[^\n]*|\/\*[^]*?\*\/)`,
    String.raw`(?<string>"(?:\\[^]|[^"\\])*"|'(?:\\[^]|[^'\\])*')`,
    // A slash divides after a name, a number or a closing bracket.
    String
      .raw`(?<regex>(?<=(?:^|[=(,:;[!&|?{}+*%<>~^-]|\breturn)\s*)\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*)`,
    "(?<mark>[`{}])",
    "[^\"'/`{}]+|\\/",
  ].join("|"),
  "y",
);
/** Up to the end of a template, or to code within it. */
const TEMPLATE_PART = /(?:\\[^]|\$(?!\{)|[^`\\$])*(?:`|\$\{)/y;

function readSource(text: string): Source {
  const strings: string[] = [];
  /** For each template that code stands within: how many braces are open in that code. */
  const open: number[] = [];
  let code = "";
  let position = 0;
  const take = (pattern: RegExp): RegExpExecArray => {
    pattern.lastIndex = position;
    const match = pattern.exec(text);
    if (match === null) {
      throw new Error(`Cannot read on from ${JSON.stringify(text.slice(position, position + 60))}`);
    }
    position = pattern.lastIndex;
    return match;
  };
  const takeTemplate = () => {
    if (take(TEMPLATE_PART)[0].endsWith("{")) open.push(0);
    code += " 0 ";
  };
  while (position < text.length) {
    const { 0: part, groups = {} } = take(CODE_PART);
    if (groups["comment"] !== undefined) code += " ";
    else if (groups["regex"] !== undefined) code += " 0 ";
    else if (groups["string"] !== undefined) code += `"${strings.push(part.slice(1, -1)) - 1}"`;
    else if (part === "`") takeTemplate();
    else if (part === "}" && open.at(-1) === 0) {
      open.pop();
      takeTemplate();
    } else {
      const inner = open.length - 1;
      if (groups["mark"] !== undefined && inner >= 0) open[inner] = open[inner]! + (part === "{" ? 1 : -1);
      code += part;
    }
  }
  return { code, strings };
}

const NAMES = String.raw`(?:[\w$]+\s*,?\s*)?(?:\*(?:\s*as\s+[\w$]+)?|\{[^}]*\})?`;
const FROM = new RegExp(
  String
    .raw`(?<![\w$.])(?:import|export)\b\s*(?<type>type\b(?!\s*,|\s*from\s*"))?\s*${NAMES}\s*(?<![\w$])from\s*"(?<index>\d+)"`,
  "g",
);
const BARE = /(?<![\w$.])import\s*"(?<index>\d+)"/g;
const CALL = /(?<![\w$.])(?:import|require)\s*\(\s*(?:"(?<index>\d+)"\s*[,)])?/g;

function* importsOf({ code, strings }: Source): Generator<Reference> {
  for (const pattern of [FROM, BARE, CALL]) {
    for (const { groups = {} } of code.matchAll(pattern)) {
      const index = groups["index"];
      yield {
        target: index === undefined ? undefined : strings[Number(index)],
        isType: groups["type"] !== undefined,
      };
    }
  }
}

/** `globalThis["Deno"]` is a name, too. */
function runtimeNames({ code, strings }: Source): Set<string> {
  const names = [...code.matchAll(RUNTIME_NAME)].map((match) => match[1]!);
  return new Set([...names, ...strings.filter((text) => RUNTIME_WORD.test(text))]);
}
