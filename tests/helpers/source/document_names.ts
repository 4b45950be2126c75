import { blankText } from "./source_text.ts";

/** What the names in a document are looked up in. */
export interface Project {
  /** Every file and folder by its path from the root; folders end with a slash. */
  readonly paths: ReadonlySet<string>;
  /** The text of the files whose code may be named. */
  readonly sources: readonly string[];
}

const FENCE = /^```.*?^```$/gms;
/** A code block of files and folders, which has no language. */
const TREE = /^```\n(.*?)^```$/gms;
/** The files and folders at the start of a line of a tree; what they are follows after two spaces. */
const TREE_LINE = /^( *)([\w.]+(?:\/|\.ts)(?:,? [\w.]+(?:\/|\.ts))*)(?: {2}|$)/;
const SPAN = /`([^`]+)`/g;
const LINK = /\[[^\]]*\]\(([^)#\s]+)[^)]*\)/g;
const FILE = /^[\w./-]*(?:\/|\.ts|\.md)$/;
const FUNCTION = /^(\w+)\(\)$/;
const TYPE = /^[A-Z][a-z]\w*$/;
const MEMBER = /^[a-z][a-z0-9]*[A-Z]\w*$/;

/** The names in a document, which is at `path`, that nothing in the project has any more. */
export function missingNames(page: string, path: string, project: Project): string[] {
  const folder = path.slice(0, path.lastIndexOf("/") + 1);
  const text = page.replace(FENCE, "");
  const code = new Declarations(project.sources);
  const links = matches(LINK, text)
    .filter((target) => !target.includes(":"))
    .filter((target) => !isPath(project, resolve(folder + target)));
  const spans = matches(SPAN, text)
    .map((span) => span.replace(/\s+/g, " "))
    .flatMap((span) => span.includes("→") ? layersOf(span) : [span])
    .filter((span) => !isThere(span, project, code));
  const tree = treePaths(page).filter((entry) => !project.paths.has(entry));
  return [...new Set([...links, ...spans, ...tree])];
}

/** The paths that the trees of a document draw. */
export function treePaths(page: string): string[] {
  const paths: string[] = [];
  for (const tree of matches(TREE, page)) {
    let parents: { readonly indent: number; readonly path: string }[] = [];
    for (const line of tree.split("\n")) {
      const [, spaces, names] = TREE_LINE.exec(line) ?? [];
      if (spaces === undefined || names === undefined) continue;
      parents = parents.filter(({ indent }) => indent < spaces.length);
      const above = parents.at(-1)?.path ?? "";
      const found = names.split(/,? /).map((name) => above + name);
      paths.push(...found);
      parents.push({ indent: spaces.length, path: found.at(-1)! });
    }
  }
  return paths;
}

/** The layers of a line such as `cli → mod → {plan, http}`, as folders or files. */
function layersOf(span: string): string[] {
  return span.split(/[→,{}\s]+/).filter((layer) => layer !== "").map((layer) => `layer ${layer}`);
}

function isThere(span: string, project: Project, code: Declarations): boolean {
  if (span.startsWith("layer ")) {
    const layer = span.slice("layer ".length);
    return [`src/${layer}/`, `src/${layer}.ts`, `${layer}.ts`].some((path) => project.paths.has(path));
  }
  if (FILE.test(span)) return has(project, span);
  const called = FUNCTION.exec(span)?.[1];
  if (called !== undefined) return code.hasFunction(called);
  if (TYPE.test(span)) return span in globalThis || code.hasType(span);
  return !MEMBER.test(span) || code.hasMember(span);
}

/** Whether a path is there; its first folders may be left out. */
function has({ paths }: Project, name: string): boolean {
  return paths.has(name) || [...paths].some((path) => path.endsWith(`/${name}`));
}

function isPath({ paths }: Project, path: string): boolean {
  return paths.has(path) || paths.has(`${path}/`);
}

/** What code declares. */
class Declarations {
  readonly #code: string;
  readonly #source: string;

  constructor(sources: readonly string[]) {
    this.#source = sources.join("\n");
    this.#code = sources.map(blankText).join("\n");
  }

  hasFunction(name: string): boolean {
    return new RegExp(
      `\\bfunction\\*? ${name}\\b|^ +(?:\\w+ )*${name}(?:<[^>]*>)?\\(.*[{;,]$|\\b${name}: \\(`,
      "m",
    )
      .test(this.#code);
  }

  /** A class or another type; or the name of a header field, or of a function of the system, which is a string. */
  hasType(name: string): boolean {
    return new RegExp(`\\b(?:class|interface|type) ${name}\\b`).test(this.#code) ||
      new RegExp(`["'\`]${name}["'\`]|\\b${name}: \\{`).test(this.#source);
  }

  hasMember(name: string): boolean {
    return new RegExp(`\\b${name}(?:\\?:|:|\\(| =)`).test(this.#code);
  }
}

function matches(pattern: RegExp, text: string): string[] {
  return [...text.matchAll(pattern)].map((match) => match[1]!);
}

function resolve(path: string): string {
  return new URL(path, "file:///").pathname.slice(1);
}
