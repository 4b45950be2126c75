import assert from "node:assert/strict";
import { test } from "node:test";
import { type DownloadCommand, parseArgs } from "../../../src/cli/flags/args.ts";
import { describeInterruption, describeKept } from "../../../src/cli/run/interruption.ts";
import type { ProgressSnapshot } from "../../../src/types.ts";
import { FakeHandle, snapshot } from "../fakes.ts";

const A = "https://example.com/a.iso";
const B = "https://example.com/b.iso";

function lines(
  argv: string[],
  finished: string[] = [],
  changes: Partial<ProgressSnapshot> = {},
  isBytehaul = true,
  obstacle: string | undefined = undefined,
): string[] {
  const command = parseArgs(argv) as DownloadCommand;
  const jobs = command.urls.map((url, index) => ({ url, index, handle: new FakeHandle(snapshot(changes)) }));
  const paused = jobs.filter(({ url }) => !finished.includes(url)).map((job) => ({ job, obstacle }));
  return describeInterruption(paused, finished, { argv, command, isBytehaul });
}

const advice = (...argv: string[]) => lines(argv).at(-1);

test("describeInterruption() says where the state is and which command goes on", () => {
  assert.deepEqual(lines(["-x", "8", A]), [
    "interrupted; 50.0/100 MiB saved in out/disk.iso.part and out/disk.iso.bytehaul",
    `resume with: bytehaul -x 8 ${A}`,
  ]);
});

test("describeInterruption() claims nothing where nothing arrived", () => {
  assert.deepEqual(lines([A], [], { path: undefined, downloaded: 0 }), [
    "not started: a.iso",
    `restart with: bytehaul ${A}`,
  ]);
  assert.deepEqual(lines([A], [], { downloaded: 0 }, false), [
    "interrupted; nothing of disk.iso could be kept: no data was received",
    "run the same command again to restart",
  ]);
  assert.deepEqual(lines([A], [], { downloaded: 0 }, false, "the server does not send ranges"), [
    "interrupted; nothing of disk.iso could be kept: the server does not send ranges",
    "run the same command again to restart",
  ]);
  assert.match(lines([A], [], { total: undefined })[0] ?? "", /; 50\.0 MiB saved/);
});

test("describeInterruption() quotes for a shell", () => {
  assert.equal(advice("-o", "it's a file", A), `resume with: bytehaul -o 'it'\\''s a file' ${A}`);
  assert.equal(advice("-o", "$(x)", A), `resume with: bytehaul -o '$(x)' ${A}`);
});

test("describeInterruption() shows no secrets", () => {
  const again = "run the same command again to resume";
  for (
    const flags of [
      ["-H", "X-Key: 1"],
      ["-u", "me:pw"],
      ["--bearer=abc"],
      ["--cookie", "a=b"],
      ["--proxy", "http://u:p@h"],
      ["--http-proxy", "http://u:p@h"],
      ["--https-proxy", "http://u:p@h"],
      ["--doh", "https://dns.example/secret"],
      ["--refresh-cmd", "sign --key=1"],
    ]
  ) assert.equal(advice(...flags, A), again);
  assert.equal(advice("https://example.com/a?sig=1"), again);
  assert.equal(advice("https://user:pw@example.com/a"), again);
  assert.equal(advice(A, "https://example.com/a#key"), again);
  assert.equal(advice("-o", "a\x1b[31m", A), again);
});

test("describeInterruption() shows only a command that can be pasted", () => {
  assert.equal(lines([A], [], {}, false).at(-1), "run the same command again to resume");
  assert.equal(advice("-4", "--dns", "1.1.1.1", A), `resume with: bytehaul -4 --dns 1.1.1.1 ${A}`);
});

test("describeInterruption() leaves out what would not go on", () => {
  assert.equal(advice("--no-resume", A), `resume with: bytehaul ${A}`);
  assert.equal(lines(["-j2", A, B], [A]).at(-1), `resume with: bytehaul -j2 ${B}`);
  assert.equal(
    lines(["--no-resume", "-HX: 1", A, B], [A]).at(-1),
    "run the same command again, without --no-resume and the URLs that are done, to resume",
  );
});

test("describeInterruption() does not send a list to be renamed anew", () => {
  assert.equal(advice("-i", "list"), "resume with: bytehaul --skip-existing -i list");
  assert.equal(advice("--overwrite", "-i", "list"), "resume with: bytehaul --overwrite -i list");
  assert.equal(
    advice("--rename", "-i", "list"),
    "run the same command again, without the lines that are done, to resume",
  );
  assert.equal(advice("--rename", A), `resume with: bytehaul --rename ${A}`);
});

test("138 describeKept() says what failed downloads left, once, and how to go on", () => {
  const command = parseArgs([A]) as DownloadCommand;
  const invocation = { argv: [A], command, isBytehaul: true };
  const kept = (httpStatus?: number) => ({
    job: { url: A, index: 0, handle: new FakeHandle(snapshot({ state: "failed" })) },
    httpStatus,
  });
  const line = "unfinished; 50.0/100 MiB saved in out/disk.iso.part and out/disk.iso.bytehaul";
  const goOn = `resume with: bytehaul ${A}`;
  assert.deepEqual(describeKept([], [], invocation), []);
  assert.deepEqual(describeKept([kept(503)], [], invocation), [line, goOn]);
  assert.deepEqual(describeKept([kept(403)], [], invocation), [
    ...[line, goOn, "where a URL has expired, a new URL of the same file resumes the download"],
  ]);
  assert.deepEqual(describeKept(Array.from({ length: 5 }, () => kept()), [], invocation), [
    ...[line, line, line, "2 more downloads are unfinished; their progress is saved, too", goOn],
  ]);
});
