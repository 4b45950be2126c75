import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { missingNames, type Project, treePaths } from "./helpers/source/document_names.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const FOLDERS = ["src", "testing", "tests", "bench", "docs"];
const HELPERS = "tests/helpers/";

/** The project, with the code of the folders `code`. */
async function readProject(code: readonly string[] = ["src/"]): Promise<Project> {
  const paths = new Set((await readdir(ROOT)).filter((name) => name.includes(".")));
  for (const folder of FOLDERS) {
    paths.add(`${folder}/`);
    for (const entry of await readdir(ROOT + folder, { recursive: true, withFileTypes: true })) {
      const parent = entry.parentPath.slice(ROOT.length).replaceAll("\\", "/");
      paths.add(`${parent}/${entry.name}${entry.isDirectory() ? "/" : ""}`);
    }
  }
  const modules = [...paths].filter((path) =>
    path.endsWith(".ts") && code.some((folder) => path.startsWith(folder))
  );
  return { paths, sources: await Promise.all(modules.map((path) => readFile(ROOT + path, "utf8"))) };
}

for (
  const [page, ...code] of [
    ["docs/architecture.md", "src/"],
    ["CONTRIBUTING.md", "src/", "testing/", HELPERS],
    ["tests/helpers/README.md", "src/", "testing/", HELPERS],
  ] as const
) {
  test(`every file, folder, type and function that ${page} names exists`, async () => {
    assert.deepEqual(missingNames(await readFile(ROOT + page, "utf8"), page, await readProject(code)), []);
  });
}

test("docs/architecture.md draws every folder of src/", async () => {
  const { paths } = await readProject();
  const drawn = new Set(treePaths(await readFile(`${ROOT}docs/architecture.md`, "utf8")));
  const folders = [...paths].filter((path) => path.startsWith("src/") && path.endsWith("/"));
  assert.ok(folders.length > 20, `${folders.length} folders`);
  assert.deepEqual(folders.filter((folder) => !drawn.has(folder)), []);
});

test("tests/helpers/README.md has one line for each helper", async () => {
  const { paths } = await readProject();
  const page = await readFile(`${ROOT}${HELPERS}README.md`, "utf8");
  const listed = [...page.matchAll(/^\| \[`[^`]+`\]\(([^)]+)\)/gm)].map(([, path]) => HELPERS + path);
  const helpers = [...paths].filter((path) => path.startsWith(HELPERS) && /(?<!_test)\.ts$/.test(path));
  assert.deepEqual(listed.sort(), helpers.sort());
});

const PROJECT: Project = {
  paths: new Set(["mod.ts", "docs/", "docs/a.md", "src/", "src/plan/", "src/plan/tail.ts", "src/errors.ts"]),
  sources: [
    'export class LeaseDesk {\n  async next(size: number): Promise<void> {\n  }\n}\nheaders["Range"];',
    "export function download(): void {}\ninterface Options {\n  maxRetries?: number;\n}\n// class Gone { old() {",
  ],
};

for (
  const [page, ...missing] of [
    ["`plan/tail.ts`, `tail.ts`, `src/plan/`, [it](../src/errors.ts#top) and [web](https://example.com/a.ts)"],
    ["`plan/head.ts` and [it](../src/head.ts)", "../src/head.ts", "plan/head.ts"],
    ["[it](../plan/tail.ts)", "../plan/tail.ts"],
    ["`src/flow/`", "src/flow/"],
    ["`LeaseDesk`, `Range`, `AbortSignal`, `next()`, `download()` and `maxRetries`"],
    ["`Gone`, `old()`, `maxTries`", "Gone", "old()", "maxTries"],
    ["words as `paused`, `404`, `--flag`, `<name>.part` and `a: b` are not looked up"],
    ["`mod → plan → {errors}`"],
    ["`cli → mod →\n{plan, flow}`", "layer cli", "layer flow"],
    ["```\nmod.ts      the library\nsrc/\n  plan/     pure\n    tail.ts\n  errors.ts\n```"],
    [
      "```\nsrc/\n  flow/  paces\n    tail.ts head.ts\n```",
      "src/flow/",
      "src/flow/tail.ts",
      "src/flow/head.ts",
    ],
    ["```sh\nsrc/gone.ts `Gone`\n```"],
  ] as const
) {
  test(`of ${JSON.stringify(page)}, ${missing.length} names are missing`, () => {
    assert.deepEqual(missingNames(page, "docs/a.md", PROJECT), missing);
  });
}
