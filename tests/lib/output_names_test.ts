import { deepStrictEqual, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import { basename, dirname } from "node:path";
import { test } from "node:test";
import { isNameBeside, OutputNames } from "../../src/lib/output_names.ts";

const bytes = (path: string): number => new TextEncoder().encode(basename(path)).length;
const beside = ({ part, control, lock, temporary, damaged, mismatch }: OutputNames): string[] => [
  ...[part, control, lock, temporary, damaged, mismatch],
];

test("117 a name that leaves room has its own behind it", () => {
  for (const name of ["out.bin", "a".repeat(241), "é".repeat(120)]) {
    const names = new OutputNames(`/dir/${name}`);
    deepStrictEqual([names.path, names.directory], [`/dir/${name}`, "/dir"]);
    deepStrictEqual(
      beside(names),
      [".part", ".bytehaul", ".bytehaul.lock", ".bytehaul.tmp", ".bytehaul.bad", ".mismatch"]
        .map((suffix) => `/dir/${name}${suffix}`),
    );
  }
  strictEqual(new OutputNames("out.bin").part, "out.bin.part");
});

test("117 a name that leaves none is shortened, always to the same, and no two to one", () => {
  const seen = new Set<string>();
  let count = 0;
  for (const letter of ["a", "é", "文", "😀"]) {
    for (let length = 242; length <= 255; length++) {
      const width = new TextEncoder().encode(letter).length;
      const name = letter.repeat(Math.floor(length / width)) + "b".repeat(length % width);
      const names = beside(new OutputNames(`/dir/${name}`));
      deepStrictEqual(beside(new OutputNames(`/dir/${name}`)), names);
      for (const path of names) {
        ok(bytes(path) <= 255, `${bytes(path)} bytes of ${path}`);
        strictEqual(dirname(path), "/dir");
        strictEqual(path.toWellFormed(), path);
        seen.add(path);
        count++;
      }
    }
  }
  strictEqual(seen.size, count);
});

test("117 names that differ at their end have other files", () => {
  const [one, two] = ["x", "y"].map((end) => new OutputNames("a".repeat(254) + end));
  for (const [index, path] of beside(one!).entries()) notStrictEqual(path, beside(two!)[index]);
});

test("a name that a file beside an output could have is told from others", () => {
  for (const name of beside(new OutputNames("out.bin"))) {
    ok(isNameBeside(name), name);
    ok(isNameBeside(name.toUpperCase()), name.toUpperCase());
    ok(!isNameBeside(`${name}_`), `${name}_`);
  }
  for (const name of ["out.bin", "part", "bytehaul", "out.parts", "out.bytehaul.lock.gz"]) {
    ok(!isNameBeside(name), name);
  }
});
