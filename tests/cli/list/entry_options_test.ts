import assert from "node:assert/strict";
import { test } from "node:test";
import { EntryOptionError, readEntryOptions } from "../../../src/cli/list/entry_options.ts";

const read = (...texts: readonly string[]) =>
  readEntryOptions(texts.map((text, index) => {
    const [name = "", ...value] = text.split("=");
    return { line: index + 2, name, value: value.join("=") };
  }));

test("readEntryOptions() takes aria2's names and those of the flags", () => {
  const hex = "ab".repeat(32);
  const wanted = { outputPath: "o", outputDir: "d", maxConnections: 3, checksum: `sha256:${hex}` };
  for (
    const texts of [
      ["out=o", "dir=d", "max-connection-per-server=3", `checksum=sha-256=${hex}`],
      ["output=o", "dir=d", "connections=3", `checksum=sha256:${hex}`],
      ["out=x", "out=o", "dir=d", "split=3", `checksum=sha256=${hex}`],
    ]
  ) assert.deepEqual(read(...texts), { specOptions: wanted, headers: [], unused: [] });
  assert.equal(read("checksum=sha-1=ff").specOptions.checksum, "sha1:ff");
  assert.equal(read("checksum=md5=ff").specOptions.checksum, "md5:ff");
  assert.deepEqual(read("max-download-limit=1k", "allow-overwrite=true", "continue=false").specOptions, {
    maxDownloadSpeed: 1024,
    overwrite: true,
    resume: false,
  });
  assert.deepEqual(read("header=A: 1", "header=B: 2=3", "referer=r", "user-agent=u").headers, [
    ["A", "1"],
    ["B", "2=3"],
    ["Referer", "r"],
    ["User-Agent", "u"],
  ]);
  assert.deepEqual(read("header=A: 日 é").headers, [["A", "日 é"]]);
  assert.deepEqual(read("keep-encoding=true", "no-published-digest=true").specOptions, {
    contentEncoding: "keep",
    publishedDigest: false,
  });
  assert.deepEqual(read("keep-encoding=false", "no-published-digest=false").specOptions, {
    contentEncoding: "refuse",
    publishedDigest: true,
  });
});

test("readEntryOptions() names the line, the option and what would be right", () => {
  const cases: [text: string, message: RegExp][] = [
    ["chekcsum=x", /^Cannot use the option "chekcsum": there is no such option; did you mean checksum\?$/],
    ["teapot=x", /^Cannot use the option "teapot": there is no such option; see bytehaul --help$/],
    ["out=", /^Cannot use out "": expected the path of a file/],
    ["max-connection-per-server=0", /^Cannot use max-connection-per-server "0": .* 1 to 256, or auto$/],
    ["overwrite=yes", /^Cannot use overwrite "yes": expected true or false$/],
    ["header=hunter2", /^Cannot use header with this value: expected Name: value$/],
    // A list that others wrote must not read files.
    ["header=@/etc/passwd", /^Cannot use header with this value/],
  ];
  for (const [text, message] of cases) {
    assert.throws(
      () => read("dir=d", text),
      (error) => error instanceof EntryOptionError && error.line === 3 && message.test(error.message),
      text,
    );
  }
});
