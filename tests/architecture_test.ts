// The import rule: arrows point down, and only src/runtime/ knows on what it runs.
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { violations } from "./helpers/import_rule.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

async function readTree(): Promise<Map<string, string>> {
  const top = (await readdir(ROOT)).filter((name) => name.endsWith(".ts"));
  const source = await readdir(`${ROOT}src`, { recursive: true, withFileTypes: true });
  const below = source.filter((entry) => entry.isFile()).map(({ parentPath, name }) =>
    `${parentPath}/${name}`.slice(ROOT.length).replaceAll("\\", "/")
  );
  const paths = [...top, ...below].sort();
  return new Map(
    await Promise.all(
      paths.map(async (path): Promise<[string, string]> => [path, await readFile(ROOT + path, "utf8")]),
    ),
  );
}

test("every import of the program points down", async () => {
  const tree = await readTree();
  assert.ok(tree.has("mod.ts") && tree.has("cli.ts") && tree.has("src/session/session.ts"));
  assert.deepEqual(violations(tree), []);
});

test("a bad import is noticed in every file of the program, at its start and at its end", async () => {
  for (const [path, text] of await readTree()) {
    for (const changed of [`import "left-pad";\n${text}`, `${text}import "left-pad";\n`]) {
      const expected = [`${path} imports "left-pad", which is not part of the project`];
      assert.deepEqual(violations(new Map([[path, changed]])), expected);
    }
  }
});

const BAD = {
  "upward, from the bottom": ["src/errors.ts", `import { x } from "./handle.ts";`],
  "upward, out of a middle folder": ["src/plan/a.ts", `import { x } from "../session/session.ts";`],
  "upward, as a type": ["src/http/a.ts", `import type { X } from "../session/context.ts";`],
  "upward, from the session": ["src/session/a.ts", `import type { X } from "../handle.ts";`],
  "upward, from the handle to the queue": ["src/handle.ts", `import { x } from "./download_queue.ts";`],
  "upward, from the queue": ["src/download_queue.ts", `import { x } from "./downloader.ts";`],
  "upward, from the downloader": ["src/downloader.ts", `import { x } from "../mod.ts";`],
  "upward, from mod.ts": ["mod.ts", `export { x } from "./src/cli/main.ts";`],
  "upward, from the command's folder": ["src/cli/a.ts", `import { x } from "../../cli.ts";`],
  "sideways": ["src/plan/a.ts", `import { x } from "../http/range.ts";`],
  "sideways, as a type": ["src/flow/a.ts", `import type { X } from "../storage/output.ts";`],
  "sideways, exported again": ["src/net/a.ts", `export * from "../integrity/hash_worker.ts";`],
  "sideways, with a name": ["src/net/a.ts", `export * as x from "../flow/backoff.ts";`],
  "sideways, without names": ["src/storage/a.ts", `import "../http/range.ts";`],
  "sideways, when it runs": ["src/integrity/a.ts", `const x = await import("../plan/piece_map.ts");`],
  "sideways, over several lines": ["src/plan/a.ts", `import {\n  x,\n  y,\n} from '../http/range.ts';`],
  "past mod.ts": ["src/cli/a.ts", `import { x } from "../session/session.ts";`],
  "past the downloader": ["mod.ts", `export type { X } from "./src/session/context.ts";`],
  "from src/runtime/ to a middle folder": ["src/runtime/a.ts", `import { x } from "../flow/backoff.ts";`],
  "the interface as a value": ["src/flow/a.ts", `import { x } from "../runtime/runtime.ts";`],
  "the interface as a value from its own folder": ["src/runtime/a.ts", `import { x } from "./runtime.ts";`],
  "the interface as one type and one value": [
    "src/session/a.ts",
    `import { type X, y } from "../runtime/runtime.ts";`,
  ],
  "the interface, exported as a value": ["src/types.ts", `export { x } from "./runtime/runtime.ts";`],
  "the interface with a default called type": [
    "src/flow/a.ts",
    `import type from "../runtime/runtime.ts";`,
  ],
  "a side of the interface": ["src/session/a.ts", `import { x } from "../runtime/clock.ts";`],
  "detect.ts from the queue": ["src/download_queue.ts", `import { x } from "./runtime/detect.ts";`],
  "detect.ts from the session": ["src/session/a.ts", `import { x } from "../runtime/detect.ts";`],
  "detect.ts from the command": ["src/cli/a.ts", `import { x } from "../runtime/detect.ts";`],
  "detect.ts from its own folder": ["src/runtime/a.ts", `import { x } from "./detect.ts";`],
  "console.ts from the downloader": ["src/downloader.ts", `import { x } from "./runtime/console.ts";`],
  "Deno": ["src/session/a.ts", "const x = Deno.cwd();"],
  "Deno, as a type": ["src/storage/a.ts", "let x: Deno.FsFile;"],
  "Bun": ["src/cli/a.ts", "const x = Bun.version;"],
  "process": ["cli.ts", "process.exit(1);"],
  "process behind globalThis": ["src/handle.ts", "globalThis.process?.exit();"],
  "a runtime's name as a word": ["src/http/a.ts", `const x = "Deno" in globalThis;`],
  "a runtime's name within a template": ["src/http/a.ts", "const x = `${{ a: Deno.pid }.a} }`;"],
  "a runtime's name after a template": ["src/http/a.ts", "const x = `${`}`}`; Deno.exit();"],
  "a runtime's name after an expression": ["src/http/a.ts", String.raw`x = /[/"]\/"/; Deno.exit();`],
  "a runtime's name after a division": ["src/http/a.ts", "x = a / 2; y = Bun.gc(1) / b;"],
  "node:fs": ["src/storage/a.ts", `import { open } from "node:fs/promises";`],
  "fs without a prefix": ["src/storage/a.ts", `import * as fs from "fs";`],
  "node:net": ["src/net/a.ts", `import type { Socket } from "node:net";`],
  "node:tls": ["src/net/a.ts", `import tls, { connect } from "node:tls";`],
  "node:dns": ["src/net/a.ts", `const x = await import("node:dns");`],
  "node:process": ["src/cli/a.ts", `import process from "node:process";`],
  "bun:ffi": ["src/storage/a.ts", `const x = require("bun:ffi");`],
  "somebody else's package": ["src/http/a.ts", `import { x } from "npm:ky";`],
  "a test's helper": ["src/http/a.ts", `import { x } from "../../tests/helpers/temp.ts";`],
  "what only shows when it runs": ["src/http/a.ts", "const x = await import(`./${name}.ts`);"],
  "a file outside the known places": ["src/util.ts", ""],
  "a folder outside the known places": ["src/util/a.ts", ""],
  "a folder within a folder": ["src/plan/util/a.ts", ""],
  "a second command": ["main.ts", ""],
} as const;

for (const [name, [path, text]] of Object.entries(BAD)) {
  test(`the import rule fails on ${name}`, () => {
    const found = violations(new Map([[path, `// A comment\n${text}\n`]]));
    assert.equal(found.length, 1, found.join("\n"));
    assert.ok(found[0]?.startsWith(path));
  });
}

const GOOD = {
  "comments and examples": [
    "src/plan/a.ts",
    `/**\n * import { x } from "../http/range.ts";\n * Deno.exit();\n */\n// import "../http/range.ts"; Bun\n`,
  ],
  "text": ["src/plan/a.ts", `const x = "import a from './b'; Deno.exit()" + \`Bun \${1} process\`;`],
  "a longer name": ["src/plan/a.ts", "const processed = this.process(reprocess, Denominator);"],
  "the interface as a type": [
    "src/types.ts",
    `import type { Clock } from "./runtime/runtime.ts";\nexport type { Runtime } from "./runtime/runtime.ts";`,
  ],
  "what both runtimes have": ["src/session/a.ts", `import { join } from "node:path";`],
  "its own folder": ["src/http/a.ts", `import { x } from "./range.ts";`],
  "the bottom level": ["src/http/a.ts", `import { x } from "../errors.ts";`],
  "the runtime's own modules in src/runtime/": [
    "src/runtime/a.ts",
    `import { open } from "node:fs";\nimport x from "./clock.ts";\nDeno.exit();`,
  ],
} as const;

for (const [name, [path, text]] of Object.entries(GOOD)) {
  test(`the import rule allows ${name}`, () => {
    assert.deepEqual(violations(new Map([[path, text]])), []);
  });
}
