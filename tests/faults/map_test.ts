import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

const ROWS = Array.from({ length: 138 }, (_, index) => index + 1);
/** Rows without a test, whose line says why. */
const NOT_YET: number[] = [];
const REASON = /\| *– \(not yet: [^|]+\) *\|$/;
const ROW = /^\| *(\d+) *\|.*$/gm;
const CITED = /`([\w/]+_test\.ts)` `([^`]+)`/g;
const LITERAL = /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g;

interface Citation {
  readonly row: number;
  readonly file: string;
  readonly title: string;
}

function readMap(page: string): { rows: number[]; excused: number[]; cited: Citation[] } {
  const found = [...page.matchAll(ROW)].map(([line, row]) => ({ line, row: Number(row) }));
  const cited = found.flatMap(({ line, row }) =>
    [...line.matchAll(CITED)].map(([, file, title]) => ({ row, file: file!, title: title! }))
  );
  const excused = found.filter(({ line }) => REASON.test(line)).map(({ row }) => row);
  return { rows: found.map(({ row }) => row), excused, cited };
}

/** Whether `source` has a test of this title: word for word, or made of a template and of words that it has, too. */
function hasTitle(source: string, title: string): boolean {
  const known = new Set(source.replace(/(?<=\d)_(?=\d)/g, "").match(/\w+/g));
  return [...source.matchAll(LITERAL)].some(([literal]) => {
    const parts = literal.slice(1, -1).replace(/\\(["'`])/g, "$1").split(/\$\{[^}]*\}/);
    if (parts.length > 1 && !/[a-z]{3}/.test(parts.join(" "))) return false;
    const pattern = parts.map((part) => part.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&")).join("(.*)");
    const [whole, ...gaps] = new RegExp(`^${pattern}$`).exec(title) ?? [];
    return whole !== undefined && (gaps.join(" ").match(/\w+/g) ?? []).every((word) => known.has(word));
  });
}

/** A test file, and the files beside it that it takes its cases from. */
async function readTest(file: string): Promise<string> {
  const url = new URL(`../${file}`, import.meta.url);
  const source = await readFile(url, "utf8").catch(() => "");
  const beside = [...source.matchAll(/from "(\.\/[^"]+)"/g)].map(([, path]) => new URL(path!, url));
  const cases = await Promise.all(beside.map((path) => readFile(path, "utf8")));
  return [source, ...cases].join("\n");
}

test("each of the 138 cases is in docs/reliability.md once, with a test that there is, or with the reason why not", async () => {
  const page = await readFile(new URL("../../docs/reliability.md", import.meta.url), "utf8");
  const { rows, excused, cited } = readMap(page);
  assert.deepEqual(rows, ROWS);
  assert.deepEqual(excused, NOT_YET);
  const named = new Set(cited.map(({ row }) => row));
  assert.deepEqual(ROWS.filter((row) => !named.has(row)), NOT_YET);
  const missing: Citation[] = [];
  for (const citation of cited) {
    if (!hasTitle(await readTest(citation.file), citation.title)) missing.push(citation);
  }
  assert.deepEqual(missing, []);
});

test("a title is one that a test has, or is made of what is in its file", () => {
  const source = 'for (const name of ["a cut", "a reset"]) test(`25 ${name}: goes on`); test("26 is it");';
  const titles = ["26 is it", "25 a cut: goes on", "25 a flood: goes on", "26 is", "25 a cut: goes on again"];
  assert.deepEqual(titles.filter((title) => hasTitle(source, title)), ["26 is it", "25 a cut: goes on"]);
});

test("the map is read row by row", () => {
  const page =
    "| # | case |\n| 1 | one | `a/b_test.ts` `1 a` <br> `c_test.ts` `1 b` |\n| 2 | two | none |\n" +
    "| 3 | three | – (not yet: the runtime decides)  |\n| 4 | four | – (not yet: ) |\n";
  assert.deepEqual(readMap(page), {
    rows: [1, 2, 3, 4],
    excused: [3],
    cited: [{ row: 1, file: "a/b_test.ts", title: "1 a" }, { row: 1, file: "c_test.ts", title: "1 b" }],
  });
});
