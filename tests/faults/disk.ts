/**
 * What the tests of failing disks have in common.
 *
 * @module
 */
import assert from "node:assert/strict";
import { DownloadError, type DownloadErrorCode, type DownloadResult, type DownloadSpec } from "../../mod.ts";
import type { Runtime, RuntimeFile } from "../../src/runtime/runtime.ts";
import { holdAfter } from "../helpers/scenes/held.ts";
import { SMALL_FILE } from "../helpers/small_file.ts";
import {
  fileWith,
  queueOn,
  type RuntimeOverrides,
  runtimeWith,
  systemError,
} from "../helpers/doubles/runtime_double.ts";

/** Blocks so small that data reaches the file while it is fetched. */
export const SMALL_BLOCKS = { ...SMALL_FILE, memoryBudget: 640 * 1024 };

/**
 * Downloads on a runtime of the test's own, to the end. `meanwhile` happens when a part of the file is there,
 * and no more of it comes before that is over.
 */
export async function downloadOn(
  runtime: Runtime,
  spec: DownloadSpec,
  meanwhile?: () => unknown,
): Promise<DownloadResult> {
  const queue = queueOn(runtime);
  try {
    if (meanwhile === undefined) return await queue.add(spec).wait();
    const handle = await holdAfter(1_000_000, (held) => queue.add(held), spec);
    await meanwhile();
    handle.maxDownloadSpeed = 0;
    return await handle.wait();
  } finally {
    await queue.close();
  }
}

export function download(spec: DownloadSpec, meanwhile?: () => unknown): Promise<DownloadResult> {
  return downloadOn(runtimeWith({}), spec, meanwhile);
}

/** Matches a failure of this kind that names `path`. */
export function failure(code: DownloadErrorCode, text: RegExp, path = ""): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof DownloadError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, text);
    assert.ok(error.message.includes(path), error.message);
    return true;
  };
}

/** Replaces what is done to files whose path ends in `suffix`. */
export function onFile(
  suffix: string,
  change: (file: RuntimeFile) => Partial<RuntimeFile>,
): RuntimeOverrides {
  return { file: (file, path) => path.endsWith(suffix) ? fileWith(file, change(file)) : file };
}

/** Does it, and then says that it failed, at first or always. */
export function failing(suffix: string, step: "sync" | "close", times = 1): RuntimeOverrides {
  let failures = 0;
  return onFile(suffix, (file) => ({
    [step]: async () => {
      await file[step]();
      if (failures++ < times) throw systemError("EIO");
    },
  }));
}
