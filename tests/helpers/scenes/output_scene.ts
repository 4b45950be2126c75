import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { detectRuntime } from "../../../src/runtime/detect.ts";
import { DownloadError, type DownloadErrorCode } from "../../../src/errors.ts";
import type { OpenMode, Runtime, RuntimeFile } from "../../../src/runtime/runtime.ts";
import { commitPart } from "../../../src/storage/commit.ts";
import type { ControlRecord } from "../../../src/storage/control_record.ts";
import { inspect, type Inspection, inspectLeftovers } from "../../../src/storage/inspection.ts";
import { Output } from "../../../src/storage/output.ts";
import { fileWith, type RuntimeOverrides, runtimeWith } from "../doubles/runtime_double.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../temp.ts";

/** What a filled part file holds. */
export const PART_TEXT = "new content";
const BYTES = new TextEncoder().encode(PART_TEXT);

/** What a control file says before any byte is there. */
export const RECORD: ControlRecord = {
  file: {
    urlHash: "ab".repeat(32),
    queryHash: "abcdef",
    size: BYTES.length,
    validator: { etag: '"a"', lastModified: undefined },
  },
  part: undefined,
  progress: { pieceSize: 100, bitmap: new Uint8Array(1), crcs: new Uint32Array(1), partial: [] },
};

/** How an output is taken. */
export interface OutputSceneOptions {
  readonly overwrite?: boolean;
  readonly overrides?: RuntimeOverrides;
}

/** A directory with the output `out.bin` in it, locked. */
export class OutputScene implements AsyncDisposable {
  readonly dir: TemporaryDirectory;
  readonly output: Output;
  readonly #openFiles: () => number;

  private constructor(dir: TemporaryDirectory, output: Output, openFiles: () => number) {
    this.dir = dir;
    this.output = output;
    this.#openFiles = openFiles;
  }

  /** Takes the output of a new directory, after `prepare` put something there. */
  static async make(
    { overwrite = false, overrides = {} }: OutputSceneOptions = {},
    prepare: (dir: TemporaryDirectory) => Promise<unknown> = () => Promise.resolve(),
  ): Promise<OutputScene> {
    const dir = await temporaryDirectory();
    await prepare(dir);
    const { runtime, openFiles } = countFiles(runtimeWith(overrides));
    return new OutputScene(dir, await Output.acquire(runtime, dir.join("out.bin"), overwrite), openFiles);
  }

  /** Saves a control file, by which the part file is known to be ours. */
  async claim(): Promise<void> {
    await this.output.control.save(RECORD);
    await inspectLeftovers(this.output);
  }

  /** Writes the control file and a whole part file. */
  async fill(): Promise<RuntimeFile> {
    await this.output.control.save(RECORD);
    const file = await this.output.part.create();
    await file.write(BYTES, 0);
    return file;
  }

  /** As `fill` leaves them once closed, and says in the control file that all of it is there. */
  async fillWhole(): Promise<void> {
    await writeFile(this.output.part.path, BYTES);
    const { identity, modifiedMs } = (await detectRuntime().files.lstat(this.output.part.path))!;
    const progress = { ...RECORD.progress, bitmap: Uint8Array.of(1) };
    await this.output.control.save({ ...RECORD, part: { identity, modifiedMs }, progress });
  }

  /** Gives a filled part file its final name. */
  async commit(file: RuntimeFile, signal: AbortSignal = new AbortController().signal): Promise<void> {
    await commitPart(this.output, file, BYTES.length, signal);
  }

  /** Looks at what an earlier run left, which may be of any URL. */
  inspect(): Promise<Inspection> {
    return inspect(this.output, () => true);
  }

  /** Fills the part file and gives it its final name. */
  async fillAndCommit(signal?: AbortSignal): Promise<void> {
    await this.commit(await this.fill(), signal);
  }

  /** The text of a file in the directory. */
  text(name: string): Promise<string> {
    return readFile(this.dir.join(name), "utf8");
  }

  /** The names in the directory, that of the lock aside. */
  async names(): Promise<string[]> {
    return (await this.dir.list()).filter((name) => name !== "out.bin.bytehaul.lock");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.output.release().catch(() => {}); // a test may have made it fail
    await this.dir[Symbol.asyncDispose]();
    assert.equal(this.#openFiles(), 0, "every file that was opened is closed once");
  }
}

/** The same runtime, and how many files it has open. */
function countFiles(runtime: Runtime): { runtime: Runtime; openFiles: () => number } {
  let open = 0;
  const counted = (file: RuntimeFile): RuntimeFile => {
    open++;
    return fileWith(file, { close: () => file.close().finally(() => open--) });
  };
  const { create, open: openFile } = runtime.files;
  const files = {
    ...runtime.files,
    create: async (path: string) => counted(await create(path)),
    open: async (path: string, mode: OpenMode) => counted(await openFile(path, mode)),
  };
  return { runtime: { ...runtime, files }, openFiles: () => open };
}

/** It fails with `code` and a message that names what it is about. */
export async function failsWith(
  code: DownloadErrorCode,
  result: Promise<unknown>,
  names: string,
): Promise<void> {
  await assert.rejects(result, (error: unknown) => {
    assert.ok(error instanceof DownloadError, `${error}`);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, /^Cannot /);
    assert.ok(error.message.includes(names), error.message);
    return true;
  });
}
