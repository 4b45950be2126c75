import assert from "node:assert/strict";
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
    assert.deepEqual([names.path, names.directory], [`/dir/${name}`, "/dir"]);
    assert.deepEqual(
      beside(names),
      [".part", ".bytehaul", ".bytehaul.lock", ".bytehaul.tmp", ".bytehaul.bad", ".mismatch"]
        .map((suffix) => `/dir/${name}${suffix}`),
    );
  }
  assert.equal(new OutputNames("out.bin").part, "out.bin.part");
});

test("117 a name that leaves none is shortened, always to the same, and no two to one", () => {
  const seen = new Set<string>();
  let count = 0;
  for (const letter of ["a", "é", "文", "😀"]) {
    for (let length = 242; length <= 255; length++) {
      const width = new TextEncoder().encode(letter).length;
      const name = letter.repeat(Math.floor(length / width)) + "b".repeat(length % width);
      const names = beside(new OutputNames(`/dir/${name}`));
      assert.deepEqual(beside(new OutputNames(`/dir/${name}`)), names);
      for (const path of names) {
        assert.ok(bytes(path) <= 255, `${bytes(path)} bytes of ${path}`);
        assert.equal(dirname(path), "/dir");
        assert.equal(path.toWellFormed(), path);
        seen.add(path);
        count++;
      }
    }
  }
  assert.equal(seen.size, count);
});

test("117 names that differ at their end have other files", () => {
  const [one, two] = ["x", "y"].map((end) => new OutputNames("a".repeat(254) + end));
  for (const [index, path] of beside(one!).entries()) assert.notEqual(path, beside(two!)[index]);
});

test("a name that a file beside an output could have is told from others", () => {
  for (const name of beside(new OutputNames("out.bin"))) {
    assert.ok(isNameBeside(name), name);
    assert.ok(isNameBeside(name.toUpperCase()), name.toUpperCase());
    assert.ok(!isNameBeside(`${name}_`), `${name}_`);
  }
  for (const name of ["out.bin", "part", "bytehaul", "out.parts", "out.bytehaul.lock.gz"]) {
    assert.ok(!isNameBeside(name), name);
  }
});
