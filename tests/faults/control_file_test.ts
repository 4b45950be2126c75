import assert from "node:assert/strict";
import { appendFile, copyFile, readFile, rename, stat, truncate, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { ControlFileError, type DownloaderOptions, DownloadError, type DownloadSpec } from "../../mod.ts";
import { decodeControl, encodeControl, MAX_PIECES } from "../../src/storage/control_format.ts";
import type { ControlRecord } from "../../src/storage/control_record.ts";
import { assertFileIs, seededRandom } from "../../testing/content.ts";
import { type ControlFields, readControl, withFields } from "../helpers/disk/control_file.ts";
import type { Reply } from "../../testing/mod.ts";
import { Interrupted } from "../helpers/scenes/interrupted.ts";
import type { OpenMode } from "../../src/runtime/runtime.ts";
import { queueOn, runtimeWith, systemError } from "../helpers/doubles/runtime_double.ts";
import { temporaryDirectory } from "../helpers/temp.ts";

const SEED = 60;
const SIZE = 400_000;

/** A download that was interrupted, for a test to do something to its control file. */
async function withInterrupted(
  check: (left: Interrupted, names: () => Promise<string[]>) => Promise<void>,
): Promise<void> {
  await using dir = await temporaryDirectory();
  await using left = await Interrupted.leave(dir, { seed: SEED, size: SIZE });
  await check(left, () => dir.list());
}

/** Begins it again, and checks that the control file was set aside with a warning and nothing of it believed. */
async function assertSetAside(left: Interrupted, names: () => Promise<string[]>): Promise<void> {
  const damaged = await readFile(left.controlPath);
  const lines: string[] = [];
  const options: DownloaderOptions = { logger: (level, text) => lines.push(`${level}: ${text}`) };
  const { resumedBytes } = await left.resume({}, options);
  assert.equal(resumedBytes, 0);
  const aside = `${left.controlPath}.bad`;
  assert.ok(
    lines.some((line) => /^warn: .*restarting/.test(line) && line.includes(aside)),
    lines.join("\n"),
  );
  assert.ok(damaged.equals(await readFile(aside)), "it was changed when it was set aside");
  await assertFileIs(left.path, SEED, SIZE);
  assert.deepEqual(await names(), ["out.bin", "out.bin.bytehaul.bad"]);
}

/** Begins it again, and checks that it is refused, no request sent and nothing changed. */
async function assertRefused(
  left: Interrupted,
  names: () => Promise<string[]>,
  message: RegExp,
  changes: Partial<DownloadSpec> = {},
): Promise<void> {
  const [control, part] = [await readFile(left.controlPath), await readFile(left.partPath)];
  const before = await names();
  const { requests } = left.server;
  const asked = requests.length;
  await assert.rejects(left.resume(changes), (error) => {
    assert.ok(error instanceof ControlFileError, String(error));
    assert.equal(error.code, "control_file");
    assert.equal(error.path, left.controlPath);
    assert.match(error.message, message);
    return true;
  });
  assert.equal(requests.length, asked);
  assert.ok(control.equals(await readFile(left.controlPath)));
  assert.ok(part.equals(await readFile(left.partPath)));
  assert.deepEqual(await names(), before);
}

const DAMAGES: Readonly<Record<string, (path: string) => Promise<void>>> = {
  "is empty": (path) => truncate(path, 0),
  "is cut after its magic": (path) => truncate(path, 8),
  "is cut before its last byte": async (path) => truncate(path, (await stat(path)).size - 1),
  "is garbage": (path) => writeFile(path, garbage(500)),
  "is a page of zeros": (path) => writeFile(path, new Uint8Array(4096)),
  "is another program's": (path) => writeFile(path, "#!/bin/sh\necho hello\n"),
  "is far too long": (path) => truncate(path, 25 * 2 ** 20),
};

function garbage(length: number): Uint8Array {
  const random = seededRandom(SEED);
  return Uint8Array.from({ length }, () => random() * 256);
}

for (const [damage, inflict] of Object.entries(DAMAGES)) {
  test(`60: a control file that ${damage} is set aside, and the download begins again`, () =>
    withInterrupted(async (left, names) => {
      await inflict(left.controlPath);
      await assertSetAside(left, names);
    }));
}

test("61: bytes behind a control file that are no journal of it change nothing", () =>
  withInterrupted(async (left, names) => {
    await appendFile(left.controlPath, garbage(100));
    assert.equal((await left.resume()).resumedBytes, left.saved);
    await assertFileIs(left.path, SEED, SIZE);
    assert.deepEqual(await names(), ["out.bin"]);
  }));

test("60: a download whose control file was set aside can be begun again, also after a failure", () =>
  withInterrupted(async (left, names) => {
    await truncate(left.controlPath, 10);
    left.respond = () => ({ status: 404 });
    await assert.rejects(left.resume(), { code: "http_status" });
    left.respond = () => undefined;
    assert.equal((await left.resume()).resumedBytes, 0);
    await assertFileIs(left.path, SEED, SIZE);
    assert.deepEqual(await names(), ["out.bin", "out.bin.bytehaul.bad"]);
  }));

test("61: no flipped bit in a control file goes unnoticed", () =>
  withInterrupted(async (left) => {
    const bytes = new Uint8Array(await readFile(left.controlPath));
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      try {
        assert.equal(decodeControl(bytes, left.controlPath).kind, "damaged", `bit ${bit}`);
      } catch (error) {
        assert.ok(error instanceof ControlFileError && bit >= 64 && bit < 96, `bit ${bit}: ${error}`);
      }
      bytes[bit >> 3]! ^= 1 << (bit & 7);
    }
  }));

for (
  const [where, offset] of Object.entries({ version: 11, lengths: 18, checksum: 21, text: 60, crcs: -1 })
) {
  test(`61: a flipped bit in the ${where} of a control file makes the download begin again`, () =>
    withInterrupted(async (left, names) => {
      const bytes = await readFile(left.controlPath);
      bytes[offset < 0 ? bytes.length + offset : offset]! ^= 2;
      await writeFile(left.controlPath, bytes);
      await assertSetAside(left, names);
    }));
}

/** Things no honest control file says; they are written with the right lengths and the right checksum. */
const CRAFTED: Readonly<Record<string, (record: ControlRecord) => ControlFields>> = {
  "no piece size": () => ({ pieceSize: 0 }),
  "a negative piece size": () => ({ pieceSize: -65_536 }),
  "a fraction as piece size": () => ({ pieceSize: 0.5 }),
  "pieces of one byte": () => ({ pieceSize: 1 }),
  "more pieces than are allowed": () => ({ size: MAX_PIECES + 1, pieceSize: 1 }),
  "a CRC too many": ({ progress: { crcs } }) => ({ crcs: new Uint32Array(crcs.length + 1) }),
  "no CRCs": () => ({ crcs: new Uint32Array(0) }),
  "as many pieces as there are numbers": () => ({ size: Number.MAX_SAFE_INTEGER, pieceSize: 1 }),
  "a size above 2^53": () => ({ size: 2 ** 60, pieceSize: 2 ** 40 }),
  "a negative size": () => ({ size: -1 }),
  "a size that is no number": () => ({ size: "400000" }),
  "a bitmap too long": ({ progress: { bitmap } }) => ({ bitmap: new Uint8Array(bitmap.length + 1) }),
  "no bitmap": () => ({ bitmap: new Uint8Array(0) }),
  "a range behind the end": () => ({ partial: [{ start: SIZE - 1, end: SIZE + 1, crc: 0 }] }),
  "a range that runs backwards": () => ({ partial: [{ start: 10, end: 5, crc: 0 }] }),
  "a negative range": () => ({ partial: [{ start: -10, end: 5, crc: 0 }] }),
  "a range of two pieces": () => ({ partial: [{ start: 0, end: SIZE, crc: 0 }] }),
  "a CRC that is none": () => ({ partial: [{ start: 0, end: 5, crc: -1 }] }),
  "a million ranges": () => ({ partial: Array(1e6).fill({ start: 0, end: 1, crc: 0 }) }),
  "a time that is none": () => ({ partModifiedMs: "now" }),
  "a validator that is none": () => ({ validator: 5 }),
};

for (const [what, craft] of Object.entries(CRAFTED)) {
  test(`62: a control file with ${what} is set aside before anything is made of it`, () =>
    withInterrupted(async (left, names) => {
      const record = await readControl(left.controlPath);
      await writeFile(left.controlPath, encodeControl(withFields(record!, craft(record!))));
      await assertSetAside(left, names);
    }));
}

test("62: a control file whose lengths overflow is set aside", () =>
  withInterrupted(async (left, names) => {
    const bytes = await readFile(left.controlPath);
    bytes.fill(0xff, 12, 20);
    await writeFile(left.controlPath, bytes);
    await assertSetAside(left, names);
  }));

test("62: a control file that claims more than the part file has is not believed", () =>
  withInterrupted(async (left) => {
    const record = await readControl(left.controlPath);
    await truncate(left.partPath, 100_000);
    await writeFile(
      left.controlPath,
      encodeControl(withFields(record!, { bitmap: record!.progress.bitmap.fill(0xff) })),
    );
    // What is there of the second piece cannot be told from its CRC.
    assert.equal((await left.resume()).resumedBytes, 65_536);
    await assertFileIs(left.path, SEED, SIZE);
  }));

for (const changes of [{}, { resume: false }, { overwrite: true }]) {
  test(`63: a newer version's control file is refused and kept, with ${JSON.stringify(changes)}`, () =>
    withInterrupted(async (left, names) => {
      const bytes = await readFile(left.controlPath);
      bytes[11] = 4;
      await writeFile(left.controlPath, bytes);
      await assertRefused(
        left,
        names,
        /format 4.*up to 3; update bytehaul, or choose another output/,
        changes,
      );
    }));
}

test("64: a control file of another URL is refused", () =>
  withInterrupted(async (left, names) => {
    const url = new URL("/other.bin", left.spec.url).href;
    await assertRefused(left, names, /started from another URL; choose another output/, { url });
    // What the message offers helps.
    assert.equal((await left.resume({ url, resume: false })).resumedBytes, 0);
    await assertFileIs(left.path, SEED, SIZE);
    assert.deepEqual(await names(), ["out.bin"]);
  }));

test("64: one file's control file beside another file's part file proves nothing", async () => {
  await using dir = await temporaryDirectory();
  await using left = await Interrupted.leave(dir, { seed: SEED, size: SIZE });
  await using other = await temporaryDirectory();
  await using stranger = await Interrupted.leave(other, { seed: SEED + 1, size: SIZE });
  await copyFile(stranger.partPath, `${left.partPath}.copy`);
  await rename(`${left.partPath}.copy`, left.partPath);
  assert.equal((await left.resume()).resumedBytes, 0);
  await assertFileIs(left.path, SEED, SIZE);
});

for (const call of ["open", "lstat"] as const) {
  test(`65: a control file that must not be read (${call}) is an error, and not none at all`, () =>
    withInterrupted(async (left, names) => {
      const before = await names();
      const asked = left.server.requests.length;
      const real = runtimeWith({}).files;
      const refuse = (path: string, mode: OpenMode) =>
        path === left.controlPath ? Promise.reject(systemError("EACCES")) : real[call](path, mode);
      for (const changes of [{}, { overwrite: true }, { resume: false }]) {
        const queue = queueOn(runtimeWith({ files: { [call]: refuse } }));
        await assert.rejects(queue.add({ ...left.spec, ...changes }).wait(), {
          code: "storage",
          message: `Cannot read the control file "${left.controlPath}": permission denied`,
        });
        await queue.close();
      }
      assert.equal(left.server.requests.length, asked);
      assert.deepEqual(await names(), before);
      assert.equal((await left.resume()).resumedBytes, left.saved);
    }));
}

const PASSING: Readonly<Record<string, Reply>> = {
  "503": { status: 503 },
  "429": { status: 429, headers: { "Retry-After": "1" } },
  "500": { status: 500 },
  "403": { status: 403 },
  "404": { status: 404 },
  "a refused connection": { refuse: true },
  "no answer": { never: true },
  "a malformed Content-Range": { status: 206, headers: { "Content-Range": "bytes x" } },
  "a gzipped body": { headers: { "Content-Encoding": "gzip" } },
};

for (const [what, reply] of Object.entries(PASSING)) {
  test(`66: when going on fails because of ${what}, what was saved is kept`, () =>
    withInterrupted(async (left, names) => {
      const [control, part] = [await readFile(left.controlPath), await readFile(left.partPath)];
      left.respond = () => reply;
      await assert.rejects(
        left.resume({ maxRetries: 2, retryMaxDelayMs: 1, connectTimeoutMs: 100 }),
        DownloadError,
      );
      assert.ok(control.equals(await readFile(left.controlPath)));
      assert.ok(part.equals(await readFile(left.partPath)));
      assert.deepEqual(await names(), ["out.bin.bytehaul", "out.bin.part"]);
      left.respond = () => undefined;
      assert.equal((await left.resume()).resumedBytes, left.saved);
      await assertFileIs(left.path, SEED, SIZE);
    }));
}
