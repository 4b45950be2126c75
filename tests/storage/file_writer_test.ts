import assert from "node:assert/strict";
import { test } from "node:test";
import type { RuntimeFile } from "../../src/runtime/runtime.ts";
import { FileWriter } from "../../src/storage/file_writer.ts";

/** A file that takes every write and remembers where it was. */
function recordingFile(): { readonly file: RuntimeFile; readonly positions: number[] } {
  const positions: number[] = [];
  const file: RuntimeFile = {
    read: () => Promise.resolve(0),
    write: (_, position) => Promise.resolve(void positions.push(position)),
    truncate: () => Promise.resolve(),
    sync: () => Promise.resolve(),
    stat: () => Promise.resolve({ kind: "file", size: 0, identity: undefined }),
    close: () => Promise.resolve(),
  };
  return { file, positions };
}

test("FileWriter makes a write that is queued at the very moment the last one is done", async () => {
  const data = new Uint8Array(1);
  for (let ticks = 0; ticks < 10; ticks++) {
    const { file, positions } = recordingFile();
    const writer = new FileWriter(file, "file.part", () => {});
    await new Promise<void>((resolve) => {
      const afterTicks = async () => {
        for (let tick = 0; tick < ticks; tick++) await Promise.resolve();
        writer.write(data, 1, () => resolve());
      };
      writer.write(data, 0, () => void afterTicks());
    });
    assert.deepEqual(positions, [0, 1]);
  }
});
