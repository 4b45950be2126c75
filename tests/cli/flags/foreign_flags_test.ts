import assert from "node:assert/strict";
import { test } from "node:test";
import { parseArgs } from "../../../src/cli/flags/args.ts";
import { FLAGS } from "../../../src/cli/flags/flags.ts";
import { FOREIGN_FLAGS } from "../../../src/cli/flags/foreign_flags.ts";

const URL = "https://example.com/a";

/** Flags of curl, wget and aria2, and how the message ends. */
const ENDS: Readonly<Record<string, string>> = {
  "-L": "redirects are followed without a flag",
  "-c": "a download resumes without a flag",
  "-O": "a file gets its own name without a flag; use --output for another one",
  "-nc": "use --skip-existing",
  "-Aname": "use --header 'User-Agent: NAME'",
  "--continue=true": "a download resumes without a flag",
  "--max-connection-per-server=4": "use --connections",
  "--check-certificate=false": "use --insecure",
  "--retry": "use --retries",
};

for (const [flag, end] of Object.entries(ENDS)) {
  test(`${flag} of another downloader names what to use here`, () => {
    assert.throws(
      () => parseArgs([flag, URL]),
      (error: Error) => error.message.endsWith(`no such flag; ${end}`),
    );
  });
}

test("a flag of another downloader says nothing new after verify", () => {
  assert.throws(() => parseArgs(["verify", "-L", "a"]), /there is no such flag; see bytehaul --help$/);
});

test("no flag of the command counts as one of another downloader", () => {
  for (const { name, short } of FLAGS) {
    assert.ok(!Object.hasOwn(FOREIGN_FLAGS, name), name);
    if (short !== undefined) assert.ok(!Object.hasOwn(FOREIGN_FLAGS, short), short);
  }
});

test("a flag of another downloader names only flags that exist", () => {
  const names = FLAGS.map(({ name }) => `--${name}`);
  for (const [flag, remedy] of Object.entries(FOREIGN_FLAGS)) {
    for (const [named] of remedy.matchAll(/--[\w-]+/g)) assert.ok(names.includes(named), `${flag}: ${named}`);
  }
});
