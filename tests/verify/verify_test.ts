import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFile, mkdir, open, readFile, rm, stat, symlink, truncate, writeFile } from "node:fs/promises";
import process from "node:process";
import { test } from "node:test";
import {
  parseChecksumList,
  type VerifiedFile,
  type VerifiedPart,
  verify,
  type VerifyOptions,
} from "../../mod.ts";
import type { RuntimeFile } from "../../src/runtime/runtime.ts";
import { verifyOn } from "../../src/verify/verify.ts";
import { contentHash, writeContentFile } from "../../testing/content.ts";
import { WITH_LINKS } from "../helpers/disk/files_and_links.ts";
import { FakeWorkers } from "../helpers/doubles/fake_worker.ts";
import { Interrupted } from "../helpers/scenes/interrupted.ts";
import { SMALL_FILE } from "../helpers/small_file.ts";
import {
  fileWith,
  queueOn,
  type RuntimeOverrides,
  runtimeWith,
  systemError,
} from "../helpers/doubles/runtime_double.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../helpers/temp.ts";
import { until } from "../helpers/until.ts";

const SEED = 3;
/** Several blocks, the last of them not full. */
const SIZE = 2_000_003;
const SHA256 = contentHash(SEED, SIZE, "sha256");
const WRONG = createHash("sha256").update("another file").digest("hex");
const PIECE = SMALL_FILE.pieceSize;

/** Makes the file `disk.iso`, and returns its path. */
async function makeFile(dir: TemporaryDirectory, size = SIZE): Promise<string> {
  await writeContentFile(dir.join("disk.iso"), SEED, size);
  return dir.join("disk.iso");
}

/** What is in a directory, and when it was written. */
async function stateOf(dir: TemporaryDirectory): Promise<unknown> {
  const names = await dir.list();
  return await Promise.all(names.map(async (name) => {
    const { mtimeMs, size } = await stat(dir.join(name));
    return [name, mtimeMs, size, createHash("md5").update(await readFile(dir.join(name))).digest("hex")];
  }));
}

/** Verifies, and checks that nothing was changed. */
async function verifyIn<T>(dir: TemporaryDirectory, path: string, options?: VerifyOptions): Promise<T> {
  const before = await stateOf(dir);
  try {
    return await verify(path, options) as T;
  } finally {
    assert.deepEqual(await stateOf(dir), before);
  }
}

test("verify() compares a file with a checksum", async () => {
  await using dir = await temporaryDirectory();
  const path = await makeFile(dir);
  for (const algorithm of ["sha256", "md5", "blake2b512"]) {
    const actual = `${algorithm}:${contentHash(SEED, SIZE, algorithm)}`;
    assert.deepEqual(await verifyIn(dir, path, { checksum: actual.toUpperCase() }), {
      ...{ path, source: "checksum", size: SIZE, matches: true, expected: actual, actual },
    });
  }
  const { matches, expected, actual } = await verifyIn<VerifiedFile>(dir, path, {
    checksum: `sha256:${WRONG}`,
  });
  assert.deepEqual([matches, expected, actual], [false, `sha256:${WRONG}`, `sha256:${SHA256}`]);
});

test("verify() compares an empty file", async () => {
  await using dir = await temporaryDirectory();
  await writeFile(dir.join("empty"), "");
  const checksum = `sha1:${createHash("sha1").digest("hex")}`;
  assert.equal((await verifyIn<VerifiedFile>(dir, dir.join("empty"), { checksum })).matches, true);
});

test("verify() compares a file behind a link", WITH_LINKS, async () => {
  await using dir = await temporaryDirectory();
  await symlink(await makeFile(dir), dir.join("link"));
  const checksum = `sha256:${SHA256}`;
  assert.equal((await verifyIn<VerifiedFile>(dir, dir.join("link"), { checksum })).matches, true);
});

test("verify() finds a changed byte, a missing one and one too many", async () => {
  await using dir = await temporaryDirectory();
  const options = { checksum: `sha256:${SHA256}` };
  const path = await makeFile(dir);
  await truncate(path, SIZE - 1);
  assert.equal((await verifyIn<VerifiedFile>(dir, path, options)).matches, false);
  await makeFile(dir);
  await appendFile(path, "x");
  assert.equal((await verifyIn<VerifiedFile>(dir, path, options)).matches, false);
  await makeFile(dir);
  await flip(path, SIZE - 1);
  assert.equal((await verifyIn<VerifiedFile>(dir, path, options)).matches, false);
});

async function flip(path: string, position: number): Promise<void> {
  const file = await open(path, "r+");
  try {
    const byte = new Uint8Array(1);
    await file.read(byte, 0, 1, position);
    await file.write(byte.map((it) => it ^ 1), 0, 1, position);
  } finally {
    await file.close();
  }
}

for (
  const [what, list] of [
    ["as sha256sum writes it", `${WRONG}  other.iso\n${SHA256} *./images/disk.iso\n`],
    ["in BSD style", `SHA256 (disk.iso) = ${SHA256}\n`],
    ["of one lone digest", SHA256],
  ] as const
) {
  test(`verify() compares a file with its line in a list ${what}`, async () => {
    await using dir = await temporaryDirectory();
    const path = await makeFile(dir);
    const checksumFile = dir.join("SUMS");
    await writeFile(checksumFile, list);
    const right = await verifyIn<VerifiedFile>(dir, path, { checksumFile });
    assert.deepEqual([right.source, right.matches, right.expected], [
      "checksumFile",
      true,
      `sha256:${SHA256}`,
    ]);
    await writeFile(checksumFile, list.replace(SHA256, WRONG));
    assert.equal((await verifyIn<VerifiedFile>(dir, path, { checksumFile })).matches, false);
  });
}

test("verify() tells of its progress up to the end", async () => {
  await using dir = await temporaryDirectory();
  const path = await makeFile(dir);
  const steps: [number, number][] = [];
  const onProgress = (...step: [number, number]) => void steps.push(step);
  await verify(path, { checksum: `sha256:${SHA256}`, onProgress });
  assert.deepEqual([steps[0], steps.at(-1)], [[0, SIZE], [SIZE, SIZE]]);
  assert.ok(steps.length > 3);
  assert.ok(steps.every(([checked], index) => checked > (steps[index - 1]?.[0] ?? -1)));
});

test("verify() hashes on this thread where there is no other, or the other fails", async () => {
  await using dir = await temporaryDirectory();
  const path = await makeFile(dir);
  for (const fake of [{ isMissing: true }, { failAt: 1 }]) {
    using workers = new FakeWorkers(fake);
    const { matches } = await verify(path, { checksum: `sha256:${SHA256}` });
    assert.deepEqual([matches, workers.running], [true, 0]);
  }
});

test("verify() says how much of an unfinished download is right", async () => {
  await using dir = await temporaryDirectory();
  await using left = await Interrupted.leave(dir);
  const { size } = left.server.version;
  const steps: [number, number][] = [];
  const onProgress = (...step: [number, number]) => void steps.push(step);
  assert.deepEqual(await verifyIn(dir, left.path, { onProgress }), {
    ...{ path: left.partPath, source: "controlFile", matches: false, size, wrongRanges: [] },
    ...{ provenBytes: left.saved, wrongBytes: 0, missingBytes: size - left.saved },
  });
  assert.deepEqual([steps[0], steps.at(-1)], [[0, left.saved], [left.saved, left.saved]]);
});

test("verify() says where an unfinished download is wrong, which is then fetched again", async () => {
  await using dir = await temporaryDirectory();
  await using left = await Interrupted.leave(dir, { spec: { maxConnections: 1 } });
  const { size } = left.server.version;
  // With one connection the first pieces are there.
  for (const position of [PIECE, 2 * PIECE, 4 * PIECE + 5]) await flip(left.partPath, position);
  const found = await verifyIn<VerifiedPart>(dir, left.path);
  assert.deepEqual(found.wrongRanges, [
    { start: PIECE, end: 3 * PIECE },
    { start: 4 * PIECE, end: 5 * PIECE },
  ]);
  assert.deepEqual([found.provenBytes, found.wrongBytes, found.missingBytes], [
    ...[left.saved - 3 * PIECE, 3 * PIECE, size - left.saved],
  ]);
  assert.equal((await left.resume()).resumedBytes, found.provenBytes);
});

test("verify() takes what is behind the end of a part file for wrong", async () => {
  await using dir = await temporaryDirectory();
  await using left = await Interrupted.leave(dir, { spec: { maxConnections: 1 } });
  await truncate(left.partPath, PIECE);
  const found = await verifyIn<VerifiedPart>(dir, left.path);
  assert.deepEqual([found.provenBytes, found.wrongBytes], [PIECE, left.saved - PIECE]);
  assert.deepEqual(found.wrongRanges, [{ start: PIECE, end: left.saved }]);
});

test("verify() matches a download that only lacks its name, as long as nothing is wrong", async () => {
  await using dir = await temporaryDirectory();
  await using left = await Interrupted.leave(dir);
  // All is there, and saved, when giving it its name fails.
  const files = { link: () => Promise.reject(systemError("EIO")) };
  const runtime = runtimeWith({ files });
  const queue = queueOn(runtime);
  await assert.rejects(queue.add(left.spec).wait(), { code: "storage" });
  await queue.close();
  const { size } = left.server.version;
  const found = await verifyIn<VerifiedPart>(dir, left.path);
  assert.deepEqual([found.matches, found.provenBytes, found.missingBytes], [true, size, 0]);
  await appendFile(left.partPath, "x");
  assert.equal((await verifyIn<VerifiedPart>(dir, left.path)).matches, false);
});

test("verify() proves nothing of a download that has not begun", async () => {
  await using dir = await temporaryDirectory();
  await using left = await Interrupted.leave(dir);
  await rm(left.partPath);
  await assert.rejects(verifyIn(dir, left.path), {
    code: "storage",
    message: `Cannot read "${left.path}": it does not exist`,
  });
});

interface Failing {
  readonly code: "storage" | "checksum_list" | "control_file";
  readonly message: RegExp;
  readonly options?: (dir: TemporaryDirectory) => VerifyOptions;
  readonly prepare?: (path: string) => Promise<unknown>;
}

const CHECKSUM = () => ({ checksum: `sha256:${SHA256}` });
const IN_LIST = (dir: TemporaryDirectory) => ({ checksumFile: dir.join("SUMS") });
const FAILING: Readonly<Record<string, Failing>> = {
  "a file that is not there": {
    code: "storage",
    message: /^Cannot read ".*disk\.iso": it does not exist$/,
    options: CHECKSUM,
    prepare: rm,
  },
  "neither file nor control file": { code: "storage", message: /it does not exist$/, prepare: rm },
  "a directory": {
    code: "storage",
    message: /it is a directory$/,
    options: CHECKSUM,
    prepare: async (path) => {
      await rm(path);
      await mkdir(path);
    },
  },
  "a list that is not there": {
    code: "storage",
    message: /^Cannot read ".*SUMS": it does not exist$/,
    options: IN_LIST,
  },
  "a list without a line for it": {
    code: "checksum_list",
    message: /"SUMS" has no line for "disk\.iso"$/,
    options: IN_LIST,
    prepare: (path) => writeFile(path.replace("disk.iso", "SUMS"), `${SHA256}  other.iso\n`),
  },
  "a list that contradicts itself": {
    code: "checksum_list",
    message: /two different sha256 digests/,
    options: IN_LIST,
    prepare: (path) =>
      writeFile(path.replace("disk.iso", "SUMS"), `${SHA256}  disk.iso\n${WRONG}  disk.iso\n`),
  },
  "no control file": {
    code: "control_file",
    message: /it has no control file .*; give checksum or checksumFile$/,
  },
  "a damaged control file": {
    code: "control_file",
    message: /its control file is unusable \(it is too short\)$/,
    prepare: (path) => writeFile(`${path}.bytehaul`, "BYTE"),
  },
};

for (const [what, { code, message, options, prepare }] of Object.entries(FAILING)) {
  test(`verify() rejects for ${what}`, async () => {
    await using dir = await temporaryDirectory();
    const path = await makeFile(dir, 1000);
    await prepare?.(path);
    await assert.rejects(verify(path, options?.(dir)), { code, message });
  });
}

test("verify() does not wait for a pipe", { skip: process.platform === "win32" && "no pipes" }, async () => {
  await using dir = await temporaryDirectory();
  execFileSync("mkfifo", [dir.join("pipe")]);
  await assert.rejects(verify(dir.join("pipe"), CHECKSUM()), {
    code: "storage",
    message: /not a regular file$/,
  });
});

test("verify() refuses options that cannot be", async () => {
  const refused = (options: unknown, message: RegExp, path: unknown = "file") =>
    assert.rejects(verify(path as string, options as VerifyOptions), { name: "TypeError", message });
  await refused({ checksum: "sha256:abc" }, /sha256 has 64 hexadecimal digits/);
  await refused({ checksum: 1 }, /checksum 1: expected a string/);
  await refused({ ...CHECKSUM(), checksumFile: "SUMS" }, /both checksum and checksumFile/);
  await refused({ checksumFile: "https://example.com/SUMS" }, /it is a URL; expected the path/);
  await refused({ checksumFile: "" }, /it is empty/);
  await refused({ chekcsum: "" }, /option "chekcsum"/);
  await refused({ signal: true }, /expected an AbortSignal/);
  await refused({ onProgress: 1 }, /expected a function/);
  await refused({}, /path "": it is empty/, "");
});

/** Verifies on files of the test's own. */
const verifyWith = (overrides: RuntimeOverrides, path: string, options: VerifyOptions = {}) =>
  verifyOn(runtimeWith(overrides), path, options);

/** Counts what is open of the files that verify() reads. */
class Watch {
  isOpen = 0;
  readonly read: (file: RuntimeFile) => RuntimeFile["read"];

  constructor(read: (file: RuntimeFile) => RuntimeFile["read"] = (file) => file.read.bind(file)) {
    this.read = read;
  }

  readonly file = (file: RuntimeFile): RuntimeFile => {
    this.isOpen++;
    return fileWith(file, {
      read: this.read(file),
      close: () => {
        this.isOpen--;
        return file.close();
      },
    });
  };
}

for (const source of ["checksum", "control file"] as const) {
  /** A file that is compared with `source`. */
  const scene = async (dir: TemporaryDirectory): Promise<{ path: string; options: VerifyOptions }> => {
    if (source === "checksum") return { path: await makeFile(dir), options: CHECKSUM() };
    await using left = await Interrupted.leave(dir);
    return { path: left.path, options: {} };
  };

  test(`verify() against a ${source} stops at once, and closes what it opened`, async () => {
    await using dir = await temporaryDirectory();
    const { path, options } = await scene(dir);
    using workers = new FakeWorkers({});
    const reason = new Error("enough");
    const stop = new AbortController();
    const watch = new Watch();
    const onProgress = (checked: number) => checked > 0 && stop.abort(reason);
    const abortedMs = performance.now();
    await assert.rejects(
      verifyWith({ file: watch.file }, path, { ...options, signal: stop.signal, onProgress }),
      (
        error,
      ) => error === reason,
    );
    assert.ok(performance.now() - abortedMs < 200);
    await until(() => watch.isOpen === 0);
    assert.equal(workers.running, 0);
    await assert.rejects(verify(path, { ...options, signal: stop.signal }), (error) => error === reason);
  });

  test(`verify() against a ${source} does not wait for a disk that hangs`, async () => {
    await using dir = await temporaryDirectory();
    const { path, options } = await scene(dir);
    const hanging = Promise.withResolvers<void>();
    const stop = new AbortController();
    let isReading = false;
    const watch = new Watch((file) => async (buffer, position) => {
      if (buffer.length < 60_000) return await file.read(buffer, position);
      isReading = true;
      await hanging.promise;
      return await file.read(buffer, position);
    });
    const verified = verifyWith({ file: watch.file }, path, { ...options, signal: stop.signal });
    await until(() => isReading);
    const abortedMs = performance.now();
    stop.abort();
    await assert.rejects(verified, { name: "AbortError" });
    assert.ok(performance.now() - abortedMs < 200);
    hanging.resolve();
    await until(() => watch.isOpen === 0);
  });

  test(`verify() against a ${source} tells of a disk that cannot be read`, async () => {
    await using dir = await temporaryDirectory();
    const { path, options } = await scene(dir);
    const watch = new Watch(() => () => Promise.reject(systemError("EIO")));
    await assert.rejects(verifyWith({ file: watch.file }, path, options), { code: "storage" });
    const denied = { open: () => Promise.reject(systemError("EACCES")) };
    await assert.rejects(verifyWith({ files: denied }, path, options), { message: /permission denied$/ });
    assert.equal(watch.isOpen, 0);
  });

  test(`verify() against a ${source} ends with what onProgress throws`, async () => {
    await using dir = await temporaryDirectory();
    const { path, options } = await scene(dir);
    const mine = new Error("mine");
    for (const last of [0, 1]) {
      const watch = new Watch();
      const onProgress = (checked: number) => {
        if (checked >= last) throw mine;
      };
      await assert.rejects(
        verifyWith({ file: watch.file }, path, { ...options, onProgress }),
        (error) => error === mine,
      );
      assert.equal(watch.isOpen, 0);
    }
  });
}

for (const [what, change] of [["longer", SIZE + 1], ["shorter", 600_000]] as const) {
  test(`verify() gives no verdict on a file that becomes ${what} meanwhile`, async () => {
    await using dir = await temporaryDirectory();
    const path = await makeFile(dir);
    let isChanged = false;
    const watch = new Watch((file) => async (buffer, position) => {
      if (!isChanged) await truncate(path, change);
      isChanged = true;
      return await file.read(buffer, position);
    });
    await assert.rejects(verifyWith({ file: watch.file }, path, CHECKSUM()), {
      code: "storage",
      message: /it is being written to; try again later$/,
    });
    assert.equal(watch.isOpen, 0);
  });
}

test("parseChecksumList() tells all lines", () => {
  const list = `# of today\n${SHA256}  a/disk.iso\nMD5 (b) = ${"0".repeat(32)}\n`;
  assert.deepEqual(parseChecksumList(list), [
    { checksum: `sha256:${SHA256}`, name: "a/disk.iso" },
    { checksum: `md5:${"0".repeat(32)}`, name: "b" },
  ]);
  assert.deepEqual(parseChecksumList("f".repeat(128), "B2SUMS"), [
    { checksum: `blake2b512:${"f".repeat(128)}`, name: undefined },
  ]);
});
