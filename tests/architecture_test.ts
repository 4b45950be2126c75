import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { importsOf, type Violation, violations } from "./helpers/source/import_rule.ts";
import { LIMITS, oversized, parameterLists } from "./helpers/source/size_rule.ts";
import { startLoad } from "./helpers/source/start_load.ts";
import { blankText } from "./helpers/source/source_text.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** Every module that is published, by its path from the root. */
async function readModules(): Promise<Map<string, string>> {
  const names = await readdir(`${ROOT}src`, { recursive: true });
  const paths = names.map((name) => `src/${name.replaceAll("\\", "/")}`).filter((path) =>
    path.endsWith(".ts")
  );
  const all = ["mod.ts", "cli.ts", ...paths.sort()];
  return new Map(
    await Promise.all(all.map(async (path) => [path, await readFile(ROOT + path, "utf8")] as const)),
  );
}

const shown = (found: readonly Violation[]): string[] =>
  found.map(({ path, line, kind, name }) => `${path}:${line} ${kind} ${name}`);

test("imports point one way, and only the runtime folder names a runtime", async () => {
  assert.deepEqual(shown(violations(await readModules())), []);
});

test("no file, folder or parameter list of src/ is above its limit", async () => {
  const modules = [...await readModules()].filter(([path]) => path.startsWith("src/"));
  assert.deepEqual(oversized(new Map(modules)), []);
  const lists = modules.flatMap(([, source]) => parameterLists(source));
  assert.ok(lists.length > 1500, `only ${lists.length} parameter lists were found`);
  assert.ok(
    lists.some(({ count }) => count === LIMITS.parameters),
    "no list has as many parameters as allowed",
  );
});

test("a file, a folder or a parameter list above its limit is found", () => {
  const longest = "a;\n".repeat(LIMITS.lines);
  const full = Array.from({ length: LIMITS.files }, (_, index) => [`src/a/${index}.ts`, "a;\n"] as const);
  assert.deepEqual(oversized(new Map([["src/a.ts", longest], ...full])), []);
  assert.deepEqual(oversized(new Map([["src/a.ts", `${longest}a;\n`], ...full, ["src/a/more.ts", "a;\n"]])), [
    "src/a.ts: 251 lines",
    "src/a: 17 files",
  ]);
});

test("parameterLists() counts the parameters of every kind of function", () => {
  const cases: readonly (readonly [source: string, ...counts: number[]])[] = [
    ["function f(a: A, b: Map<B, C>, { c, d }: D = {}, [e, f]: E, g = h(1, 2)): F {}", 5],
    ["function f(\n  a: A,\n  b: (c: C, d: D) => E,\n): F {}", 2, 2],
    ["class A {\n  constructor(a: A, b: B) {}\n  async *#b(a: A, ...b: B[]): C {}\n}", 2, 2],
    ["interface A {\n  b(a: A, b: B, c: C, d: D, e: E): void;\n}", 5],
    ["const a = (b, c) => d; const e = async () => {};", 2, 0],
    ["if (a(b, c)) {} else for (const [a, b, c] of d) {} while (e(f)) {} try {} catch (g) {}"],
    ["a(b, c, d, e, f); const g = h ? a(b, c) : d; // function f(a, b, c, d, e) {}"],
  ];
  for (const [source, ...counts] of cases) {
    assert.deepEqual(parameterLists(source).map(({ count }) => count), counts, source);
  }
});

test("the rule sees the imports that there are", async () => {
  const modules = await readModules();
  const count = (path: string) => importsOf(modules.get(path) ?? "").length;
  assert.ok(modules.size > 50);
  assert.deepEqual([count("mod.ts"), count("cli.ts"), count("src/runtime/detect.ts")], [9, 2, 5]);
  for (const [path, source] of modules) {
    // Each one that stands at the start of a line, as all do in formatted code.
    const plain = source.split("\n").filter((line) =>
      /^(?:import .*|export .*|\} )from ".*";$/.test(line)
    ).length;
    assert.ok(count(path) >= plain, `${path}: ${count(path)} of ${plain}`);
  }
});

test("the command starts with few modules of Node, and with no file that another one imports late", async () => {
  const { loaded, late } = startLoad(await readModules(), "src/cli/main.ts");
  // The others take Deno or Bun milliseconds to load, above all node:fs, node:net and node:tty.
  const quick = ["buffer", "crypto", "os", "path", "process", "url", "util", "zlib"];
  const isOfNode = (name: string) => name.startsWith("node:");
  assert.deepEqual([...loaded].filter(isOfNode).sort(), quick.map((name) => `node:${name}`));
  assert.deepEqual([...late].filter((name) => loaded.has(name) && !isOfNode(name)), []);
  assert.ok(late.has("src/session/resume_request.ts"));
});

/** What the rule says about one file. */
function judge(path: string, source: string): string[] {
  return violations(new Map([[path, source]])).map(({ line, kind, name }) => `${line} ${kind} ${name}`);
}

const BAD: readonly (readonly [path: string, source: string, ...wanted: string[]])[] = [
  // Upward, in every form that an import has.
  ["src/plan/a.ts", 'import { b } from "../session/b.ts";', "1 upward ../session/b.ts"],
  ["src/plan/a.ts", 'import type { B } from "../session/b.ts";', "1 upward ../session/b.ts"],
  ["src/plan/a.ts", '\nimport {\n  b,\n  type C,\n} from "../session/b.ts";', "2 upward ../session/b.ts"],
  ["src/plan/a.ts", 'import * as b from "../session/b.ts";', "1 upward ../session/b.ts"],
  ["src/plan/a.ts", 'import "../session/b.ts";', "1 upward ../session/b.ts"],
  ["src/plan/a.ts", 'export { b } from "../session/b.ts";', "1 upward ../session/b.ts"],
  ["src/plan/a.ts", 'export * from "../session/b.ts";', "1 upward ../session/b.ts"],
  ["src/plan/a.ts", 'export type { B } from "../session/b.ts";', "1 upward ../session/b.ts"],
  ["src/plan/a.ts", 'const b = await import("../session/b.ts");', "1 upward ../session/b.ts"],
  ["src/plan/a.ts", 'type B = import("../session/b.ts").B;', "1 upward ../session/b.ts"],
  ["src/types.ts", 'import type { A } from "./plan/a.ts";', "1 upward ./plan/a.ts"],
  ["src/errors.ts", 'import { A } from "./session/a.ts";', "1 upward ./session/a.ts"],
  ["src/http/a.ts", 'import { D } from "../downloader.ts";', "1 upward ../downloader.ts"],
  ["src/session/a.ts", 'import type { H } from "../queue/handle.ts";', "1 upward ../queue/handle.ts"],
  ["src/queue/handle.ts", 'import type { D } from "../downloader.ts";', "1 upward ../downloader.ts"],
  ["src/options/a.ts", 'import type { H } from "../http/caller/h.ts";', "1 upward ../http/caller/h.ts"],
  ["src/downloader.ts", 'import { x } from "../mod.ts";', "1 upward ../mod.ts"],
  ["mod.ts", 'export { runCli } from "./src/cli/main.ts";', "1 upward ./src/cli/main.ts"],
  ["src/runtime/deno.ts", 'import { a } from "../flow/a.ts";', "1 upward ../flow/a.ts"],
  ["src/cli/a.ts", 'import { runCli } from "../../cli.ts";', "1 upward ../../cli.ts"],
  // Past the public face.
  ["src/cli/a.ts", 'import { s } from "../session/session.ts";', "1 past ../session/session.ts"],
  ["mod.ts", 'export type { C } from "./src/session/context.ts";', "1 past ./src/session/context.ts"],
  // Past the disk, on which the sinks stand.
  ["src/sink/a.ts", 'import { b } from "../plan/b.ts";', "1 past ../plan/b.ts"],
  ["src/sink/a.ts", 'import { b } from "../session/b.ts";', "1 upward ../session/b.ts"],
  ["src/storage/a.ts", 'import type { B } from "../sink/b.ts";', "1 upward ../sink/b.ts"],
  // Sideways.
  ["src/plan/a.ts", 'import type { B } from "../http/b.ts";', "1 sideways ../http/b.ts"],
  ["src/net/a.ts", 'import { b } from "../flow/b.ts";', "1 sideways ../flow/b.ts"],
  ["src/storage/a.ts", 'import { b } from "../integrity/b.ts";', "1 sideways ../integrity/b.ts"],
  ["src/net/dns/a.ts", 'import { b } from "../../http/fields/b.ts";', "1 sideways ../../http/fields/b.ts"],
  // The runtime, its interface and its parts.
  ["src/plan/a.ts", 'import { x } from "../runtime/runtime.ts";', "1 runtime ../runtime/runtime.ts"],
  ["src/plan/a.ts", 'import { type C, x } from "../runtime/runtime.ts";', "1 runtime ../runtime/runtime.ts"],
  ["src/session/a.ts", 'import { d } from "../runtime/detect.ts";', "1 runtime ../runtime/detect.ts"],
  ["src/queue/a.ts", 'import { d } from "../runtime/detect.ts";', "1 runtime ../runtime/detect.ts"],
  ["src/flow/a.ts", 'import { systemClock } from "../runtime/clock.ts";', "1 runtime ../runtime/clock.ts"],
  ["src/flow/a.ts", 'import type { D } from "../runtime/deno.ts";', "1 runtime ../runtime/deno.ts"],
  [
    "src/downloader.ts",
    'import { c } from "./runtime/console/console.ts";',
    "1 runtime ./runtime/console/console.ts",
  ],
  ["src/runtime/deno.ts", 'import { d } from "./detect.ts";', "1 runtime ./detect.ts"],
  ["src/runtime/deno.ts", 'import { c } from "./console/console.ts";', "1 runtime ./console/console.ts"],
  ["src/flow/a.ts", 'import type from "../runtime/runtime.ts";', "1 runtime ../runtime/runtime.ts"],
  ["src/cli/a.ts", 'import { m } from "../runtime/minimum.ts";', "1 runtime ../runtime/minimum.ts"],
  ["src/cli/a.ts", 'const fs = require("node:fs");', "1 runtime node:fs"],
  ["cli.ts", 'import { d } from "./src/runtime/detect.ts";', "1 runtime ./src/runtime/detect.ts"],
  // Names of a runtime, and system modules.
  ["src/plan/a.ts", "const a = 1;\nDeno.exit(a);", "2 runtime Deno"],
  ["src/plan/a.ts", "Bun.gc();", "1 runtime Bun"],
  ["src/plan/a.ts", "const env = process.env;", "1 runtime process"],
  ["src/plan/a.ts", "globalThis.Deno?.exit();", "1 runtime Deno"],
  ["src/plan/a.ts", "type F = Deno.FsFile;", "1 runtime Deno"],
  ["src/plan/a.ts", "const t = `at ${process.pid}`;", "1 runtime process"],
  ["cli.ts", "Deno.exit();", "1 runtime Deno"],
  ["mod.ts", "process.exit();", "1 runtime process"],
  ...["fs", "fs/promises", "net", "tls", "dns", "dns/promises", "process"].map((name) =>
    ["src/storage/a.ts", `import x from "node:${name}";`, `1 runtime node:${name}`] as const
  ),
  ["src/cli/a.ts", 'const fs = await import("node:fs");', "1 runtime node:fs"],
  // What is not ours, what cannot be told, and what has no place.
  ...["npm:left-pad", "jsr:@std/fs", "@std/fs", "left-pad", "fs", "bun:ffi", "https://example.com/a.ts"].map((
    name,
  ) => ["src/http/a.ts", `import "${name}";`, `1 outside ${name}`] as const),
  ["src/http/a.ts", "const b = await import(name);", "1 dynamic import()"],
  ["src/other/a.ts", "", "1 unplaced src/other/a.ts"],
  ["src/plan/deep/a.ts", "", "1 unplaced src/plan/deep/a.ts"],
  ["src/unheard_of.ts", "", "1 unplaced src/unheard_of.ts"],
  ["src/plan/a.ts", 'import { b } from "../../bench/b.ts";', "1 unplaced ../../bench/b.ts"],
];

for (const [path, source, ...wanted] of BAD) {
  test(`the rule fails on ${source.trim().replaceAll("\n", " ") || "a file"} in ${path}`, () => {
    assert.deepEqual(judge(path, source), wanted);
  });
}

/** What the rule says about several files, each with the paths that it imports. */
function judgeAll(imports: Readonly<Record<string, readonly string[]>>): string[] {
  const files = Object.entries(imports).map(([path, targets]) =>
    [path, targets.map((target) => `import type { T } from "${target}";`).join("\n")] as const
  );
  return shown(violations(new Map(files)));
}

const CIRCLES: readonly (readonly [imports: Record<string, readonly string[]>, ...wanted: string[]])[] = [
  [{ "src/plan/a.ts": ["./a.ts"] }, "src/plan/a.ts:1 circle src/plan/a.ts → src/plan/a.ts"],
  // Inside a folder, of types alone, and with another file on the way to it.
  [
    {
      "src/plan/a.ts": ["../types.ts", "./b.ts"],
      "src/plan/b.ts": ["./c.ts"],
      "src/plan/c.ts": ["../types.ts", "./b.ts"],
      "src/types.ts": [],
    },
    "src/plan/c.ts:2 circle src/plan/b.ts → src/plan/c.ts → src/plan/b.ts",
  ],
  // From one folder of the command to the next, and back.
  [
    {
      "src/cli/flags/a.ts": ["../inputs/b.ts"],
      "src/cli/inputs/b.ts": ["../list/c.ts"],
      "src/cli/list/c.ts": ["../flags/a.ts"],
    },
    "src/cli/list/c.ts:1 circle src/cli/flags/a.ts → src/cli/inputs/b.ts → src/cli/list/c.ts → src/cli/flags/a.ts",
  ],
  // Two that share a file.
  [
    {
      "src/plan/a.ts": ["./b.ts", "./c.ts"],
      "src/plan/b.ts": ["./a.ts"],
      "src/plan/c.ts": ["./a.ts"],
    },
    "src/plan/b.ts:1 circle src/plan/a.ts → src/plan/b.ts → src/plan/a.ts",
    "src/plan/c.ts:1 circle src/plan/a.ts → src/plan/c.ts → src/plan/a.ts",
  ],
];

for (const [imports, ...wanted] of CIRCLES) {
  test(`the rule fails on ${wanted[0]}`, () => assert.deepEqual(judgeAll(imports), wanted));
}

test("the rule allows two ways to one file", () => {
  const imports = { "src/plan/a.ts": ["./b.ts", "./c.ts"], "src/plan/b.ts": ["./c.ts"], "src/plan/c.ts": [] };
  assert.deepEqual(judgeAll(imports), []);
});

const GOOD: readonly (readonly [path: string, source: string])[] = [
  [
    "cli.ts",
    'import { runCli } from "./src/cli/main.ts";\nimport { c } from "./src/runtime/console/console.ts";',
  ],
  [
    "src/cli/a.ts",
    'import { D } from "../../mod.ts";\nimport type { C } from "../runtime/console/console.ts";',
  ],
  ["mod.ts", 'export { D } from "./src/downloader.ts";\nexport type { T } from "./src/types.ts";'],
  [
    "src/downloader.ts",
    'import { d } from "./runtime/detect.ts";\nimport { Q } from "./queue/download_queue.ts";',
  ],
  [
    "src/queue/handle.ts",
    'import type { S } from "../session/session.ts";\nimport type { B } from "../flow/b.ts";',
  ],
  [
    "src/session/a.ts",
    'import { b } from "./b.ts";\nimport { c } from "../http/c.ts";\nimport { d } from "../plan/d.ts";',
  ],
  [
    "src/http/a.ts",
    'import { b } from "./b.ts";\nimport { E } from "../errors.ts";\nimport type { T } from "../types.ts";',
  ],
  [
    "src/flow/a.ts",
    'import type { Clock } from "../runtime/runtime.ts";\nimport { type Clock } from "../runtime/runtime.ts";',
  ],
  ["src/storage/a.ts", 'import { join } from "node:path";\nimport { createHash } from "node:crypto";'],
  ["src/sink/a.ts", 'import { b } from "../storage/b.ts";\nimport { c } from "./c.ts";'],
  ["src/options/options.ts", 'import type { C } from "./checksum.ts";'],
  ["src/http/fields/a.ts", 'import { b } from "../b.ts";\nimport { c } from "../caller/c.ts";'],
  [
    "src/runtime/node.ts",
    'import * as fs from "node:fs/promises";\nimport type { R } from "./runtime.ts";\nprocess.exit();',
  ],
  ["src/plan/a.ts", '// Deno.exit() and import "npm:x"\n/* process\n * Bun */ const a = "Deno.exit()";'],
  ["src/plan/a.ts", "const t = `Deno ${a + `process ${b}`} Bun`; const r = /Deno['\"`/*]process/.test(t);"],
  ["src/plan/a.ts", "const half = a / b; const c = `x`; const processId = it.process; const q = '\\'Deno';"],
];

for (const [path, source] of GOOD) {
  test(`the rule allows ${source.replaceAll("\n", " ")} in ${path}`, () => {
    assert.deepEqual(judge(path, source), []);
  });
}

test("blankText() keeps code and offsets, and blanks the rest", () => {
  const cases: readonly (readonly [source: string, wanted: string])[] = [
    ["a(\"b\", 'c'); // d", "a(\" \", ' ');     "],
    ["a /* b\n c */ d", "a     \n      d"],
    ["`a ${b + `c ${d} e` + {}.f} g` + h", "`  ${b + `  ${d}  ` + {}.f}  ` + h"],
    ['a = /"[/\\]]"/g; "b"', 'a = /       /g; " "'],
    ["a / b / c", "a / b / c"],
    ['return /"/; b', "return / /; b"],
    ["'a\\'b' + c", "'    ' + c"],
  ];
  for (const [source, wanted] of cases) assert.equal(blankText(source), wanted);
});
