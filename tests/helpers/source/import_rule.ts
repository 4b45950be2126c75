import { dirname, join } from "node:path/posix";
import { blankText } from "./source_text.ts";

/** What is wrong with a file. */
export interface Violation {
  readonly path: string;
  readonly line: number;
  readonly kind: "upward" | "sideways" | "past" | "circle" | "runtime" | "outside" | "dynamic" | "unplaced";
  /** What the line names. */
  readonly name: string;
}

/** One import or re-export of a module. */
export interface ModuleImport {
  /** As it is written, or `undefined` where it is worked out at run time. */
  readonly specifier: string | undefined;
  readonly isType: boolean;
  /** Whether it is an `import()`, which loads its module when it runs, or never where it only names a type. */
  readonly isLate: boolean;
  readonly line: number;
}

/** From the bottom to the top. Files of one level may import one another, unless that makes a circle. */
const LEVELS: readonly RegExp[] = [
  /^src\/(?:lib\/[^/]+|errors\.ts|option_error\.ts|types\.ts|redact\.ts|version\.ts)$/,
  /^src\/auth\/[^/]+$/,
  /^src\/options\/[^/]+$/,
  // The middle folders never import one another; the session joins them.
  /^src\/(?:(?:plan|flow|integrity)\/|storage\/(?:journal\/)?|http\/(?:(?:caller|fields)\/)?|net\/(?:(?:connect|dns|http1|proxy)\/)?)[^/]+$/,
  // Where bytes go stands on what is kept on disk.
  /^src\/sink\/[^/]+$/,
  /^src\/verify\/[^/]+$/,
  /^src\/session\/(?:(?:transfer|sources)\/)?[^/]+$/,
  /^src\/queue\/[^/]+$/,
  /^src\/downloader\.ts$/,
  /^mod\.ts$/,
  /^src\/cli\/(?:(?:flags|list|inputs|run|report)\/)?[^/]+$/,
  /^cli\.ts$/,
];
const MIDDLE = 3;

/** Whoever may import some of what stands below alone, beside what all may use: the public face, and the disk. */
const FACES: readonly { readonly of: RegExp; readonly mayImport: RegExp }[] = [
  { of: /^src\/sink\/.*$/, mayImport: /^src\/(?:sink|storage)\/.*$/ },
  { of: /^mod\.ts$/, mayImport: /^src\/(?:downloader\.ts|queue\/handle\.ts|verify\/.*|options\/.*)$/ },
  { of: /^(?:cli\.ts|src\/cli\/.*)$/, mayImport: /^(?:mod\.ts|src\/options\/.*|src\/cli\/.*)$/ },
];

const RUNTIME = "src/runtime/";
const INTERFACE = "src/runtime/runtime.ts";

/** Those who may import a file of the runtime folder from outside of it; the interface is for everybody. */
const RUNTIME_USERS: Readonly<Record<string, RegExp>> = {
  "src/runtime/detect.ts": /^src\/(?:downloader|verify\/verify)\.ts$/,
  "src/runtime/minimum.ts": /^(?:cli\.ts|src\/runtime\/detect\.ts)$/,
  "src/runtime/thread.ts": /^src\/integrity\/hash_worker\.ts$/,
  "src/runtime/console/console.ts": /^(?:cli\.ts|src\/cli\/.*)$/,
};

const SYSTEM_MODULES = /^node:(?:fs|net|tls|dns|dgram|process)(?:\/|$)/;
const SYSTEM_NAMES = /(?<![.\w$#])(?:globalThis\s*\.\s*)?(Deno|Bun|process)\b/g;

/** How high a file stands; `undefined` where nobody has said. */
function levelOf(path: string): number | undefined {
  const level = LEVELS.findIndex((pattern) => pattern.test(path));
  return level < 0 ? undefined : level;
}

/** The room of a path: `http` of `src/http/fields/range.ts`. */
function roomOf(path: string): string | undefined {
  return /^src\/([^/]+)\//.exec(path)?.[1];
}

/** The imports of a module: static, dynamic, of types only, and re-exports. */
export function importsOf(source: string): ModuleImport[] {
  const code = blankText(source);
  const found: ModuleImport[] = [];
  const add = (at: number, quote: number, { isType = false, isLate = false }): void => {
    const end = code.indexOf(code[quote]!, quote + 1);
    const specifier = /["'`]/.test(code[quote]!) ? source.slice(quote + 1, end) : undefined;
    found.push({ specifier, isType, isLate, line: lineOf(source, at) });
  };
  for (const match of code.matchAll(/\b(?:import|export)\b([^;"'`()=]*?)\bfrom\s*["']/g)) {
    add(match.index, match.index + match[0].length - 1, { isType: isTypeOnly(match[1]!) });
  }
  for (const match of code.matchAll(/\bimport\s*["']/g)) {
    add(match.index, match.index + match[0].length - 1, {});
  }
  for (const match of code.matchAll(/\b(?:import|require)\s*\(\s*/g)) {
    add(match.index, match.index + match[0].length, { isLate: true });
  }
  return found;
}

/** Whether all that stands between `import` and `from` is of types: `type { A }`, or `{ type A, type B }`. */
function isTypeOnly(clause: string): boolean {
  if (/^\s+type\b(?!\s*(?:,|$))/.test(clause)) return true;
  const names = /^\s*\{([^}]*)\}\s*$/.exec(clause)?.[1]?.split(",").filter((name) => name.trim() !== "");
  return names !== undefined && names.length > 0 && names.every((name) => /^\s*type\s/.test(name));
}

/**
 * Where files break the rule of imports: they point down and never round in a circle, the middle folders never import one
 * another, and only the runtime folder names a runtime or its system modules. `files` maps paths from the root of the package, with
 * slashes, to sources.
 */
export function violations(files: ReadonlyMap<string, string>): Violation[] {
  const broken = [...files].flatMap(([path, source]) => {
    const isRuntime = path.startsWith(RUNTIME);
    const found: Violation[] = [];
    const report = (kind: Violation["kind"], name: string, line: number): void => {
      found.push({ path, line, kind, name });
    };
    if (!isRuntime && levelOf(path) === undefined) report("unplaced", path, 1);
    for (const { specifier, isType, line } of importsOf(source)) {
      if (specifier === undefined) {
        report("dynamic", "import()", line);
        continue;
      }
      const kind = /^\.{1,2}\//.test(specifier)
        ? judge(path, join(dirname(path), specifier), isType)
        : judgeOutside(specifier, isRuntime);
      if (kind !== undefined) report(kind, specifier, line);
    }
    if (isRuntime) return found;
    for (const match of blankText(source).matchAll(SYSTEM_NAMES)) {
      report("runtime", match[1]!, lineOf(source, match.index));
    }
    return found;
  });
  return [...broken, ...circles(files)];
}

interface Arrow {
  readonly to: string;
  readonly line: number;
}

/** Each circle of imports, types included, at the import that closes it, with the way round. */
function circles(files: ReadonlyMap<string, string>): Violation[] {
  const arrows = new Map<string, Arrow[]>();
  for (const [path, source] of files) {
    const own = importsOf(source).flatMap(({ specifier, line }): Arrow[] =>
      specifier?.startsWith(".") ? [{ to: join(dirname(path), specifier), line }] : []
    );
    arrows.set(path, own);
  }
  const found: Violation[] = [];
  const done = new Set<string>();
  const way: string[] = [];
  const visit = (path: string): void => {
    if (done.has(path)) return;
    way.push(path);
    for (const { to, line } of arrows.get(path) ?? []) {
      const start = way.indexOf(to);
      if (start === -1) visit(to);
      else found.push({ path, line, kind: "circle", name: [...way.slice(start), to].join(" → ") });
    }
    way.pop();
    done.add(path);
  };
  for (const path of files.keys()) visit(path);
  return found;
}

function judge(from: string, to: string, isType: boolean): Violation["kind"] | undefined {
  if (to.startsWith(RUNTIME)) {
    if (to === INTERFACE && isType) return undefined;
    const users = RUNTIME_USERS[to];
    const mayImport = users?.test(from) ?? (from.startsWith(RUNTIME) && to !== INTERFACE);
    return mayImport ? undefined : "runtime";
  }
  const toLevel = levelOf(to);
  if (toLevel === undefined) return "unplaced";
  const fromLevel = from.startsWith(RUNTIME) ? 0 : levelOf(from) ?? Infinity;
  if (toLevel > fromLevel) return "upward";
  const face = FACES.find(({ of }) => of.test(from));
  if (toLevel > 0 && face?.mayImport.test(to) === false) return "past";
  const isSideways = fromLevel === MIDDLE && toLevel === MIDDLE && roomOf(from) !== roomOf(to);
  return isSideways ? "sideways" : undefined;
}

function judgeOutside(specifier: string, isRuntime: boolean): Violation["kind"] | undefined {
  if (!specifier.startsWith("node:")) return "outside";
  return SYSTEM_MODULES.test(specifier) && !isRuntime ? "runtime" : undefined;
}

function lineOf(source: string, at: number): number {
  return source.slice(0, at).split("\n").length;
}
