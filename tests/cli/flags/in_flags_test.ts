import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import { FLAG_NAMES, inFlags } from "../../../src/cli/flags/flag_names.ts";
import { FLAGS } from "../../../src/cli/flags/flags.ts";

test("inFlags() speaks of flags where the library speaks of options", () => {
  const cases = [
    [
      `Cannot use outputPath "a": it is a directory; give a file's path, or use outputDir`,
      `Cannot use --output "a": it is a directory; give a file's path, or use --dir`,
    ],
    [
      'Cannot write "a": it exists already; choose another output or ask to overwrite',
      'Cannot write "a": it exists already; choose another output or use --overwrite',
    ],
    [
      "Cannot resume; choose another output, or turn resume off to start again",
      "Cannot resume; choose another output, or use --no-resume to start again",
    ],
  ] as const;
  for (const [before, after] of cases) assert.equal(inFlags(before), after);
});

test("inFlags() leaves values alone", () => {
  const text = 'Cannot write "outputPath; ask to overwrite": no space left';
  assert.equal(inFlags(text), text);
  const url = "the checksum of what came from http://a/outputDir/noProxy is md5:1, as option checksum says";
  assert.equal(inFlags(url), url.replace("option checksum", "--checksum"));
  assert.equal(inFlags("Cannot finish: the checksum is md5:1"), "Cannot finish: the checksum is md5:1");
});

test("inFlags() names the files whose contents options hold", () => {
  const files = { "tls.key": '--key "k$1.pem"', "tls.cert": '--cert "c.pem"' };
  assert.equal(
    inFlags("Cannot use tls.key: it belongs to another certificate than tls.cert", files),
    'Cannot use --key "k$1.pem": it belongs to another certificate than --cert "c.pem"',
  );
});

test("every phrase that inFlags() knows is one that the library says, and names a flag that there is", async () => {
  const root = new URL("../../../src/", import.meta.url);
  const paths = (await readdir(root, { recursive: true })).map((path) => path.replaceAll("\\", "/"))
    .filter((path) => path.endsWith(".ts") && !path.startsWith("cli/"));
  const library = (await Promise.all(paths.map((path) => readFile(new URL(path, root), "utf8")))).join("\n");
  for (const [phrase, words] of Object.entries(FLAG_NAMES)) {
    const said = phrase.replace(/^use /, "");
    assert.ok(library.includes(said), phrase);
    const flag = /--([a-z-]+)/.exec(words)?.[1];
    assert.ok(FLAGS.some(({ name }) => name === flag), words);
  }
});
