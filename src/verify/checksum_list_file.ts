import { basename } from "node:path";
import { DownloadError } from "../errors.ts";
import { findInChecksumList } from "../integrity/checksum_list.ts";
import type { Block } from "../lib/block.ts";
import type { Checksum } from "../options/checksum.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { storageError } from "../storage/storage_error.ts";

const MAX_LIST_BYTES = 16 * 1024 * 1024;
const BLOCK_BYTES = 64 * 1024;

/** The checksum that the list at `listPath` has for a file, by the first of its names that it knows. */
export async function findInListFile(
  names: readonly string[],
  listPath: string,
  runtime: Runtime,
  signal: AbortSignal,
): Promise<Checksum> {
  return findInList(names, await readListFile(listPath, runtime, signal), basename(listPath));
}

/** The checksum that a list has for a file, by the first of its names that it knows. */
export function findInList(names: readonly string[], list: Uint8Array, listName: string): Checksum {
  const text = new TextDecoder().decode(list);
  for (const name of names) {
    const found = findInChecksumList(text, name, listName);
    if (found !== undefined) return found;
  }
  const wanted = [...new Set(names)].map((name) => `"${name}"`).join(" or ");
  throw unusable(`"${listName}" has no line for ${wanted}`);
}

/** Calls `read`, which fills a block and returns the number of bytes, until that is 0. */
export async function readList(read: (block: Block) => Promise<number>): Promise<Uint8Array> {
  const block = { bytes: new Uint8Array(BLOCK_BYTES) };
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for (let total = 0;;) {
    const length = await read(block);
    if (length === 0) return await new Blob(parts).bytes();
    total += length;
    if (total > MAX_LIST_BYTES) throw unusable(`it is larger than ${MAX_LIST_BYTES} bytes`);
    parts.push(block.bytes.slice(0, length));
  }
}

async function readListFile(path: string, runtime: Runtime, signal: AbortSignal): Promise<Uint8Array> {
  try {
    const file = await runtime.files.open(path, "read");
    try {
      let position = 0;
      return await readList(async ({ bytes }) => {
        signal.throwIfAborted();
        const length = await file.read(bytes, position);
        position += length;
        return length;
      });
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof DownloadError || signal.aborted) throw cause;
    throw storageError("read", path, cause);
  }
}

function unusable(reason: string): DownloadError {
  return new DownloadError("checksum_list", `Cannot use the checksum list: ${reason}`, { reason });
}
