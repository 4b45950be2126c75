// One iteration stores 4 MiB in chunks like those of the network; the file drops them. So only the gathering,
// the CRC-32 and the queue of writes are measured.
import { MemoryBudget } from "../../src/flow/memory_budget.ts";
import type { FileInfo, RuntimeFile } from "../../src/runtime/runtime.ts";
import { FileWriter } from "../../src/sink/file_writer.ts";
import { WriteBackCache } from "../../src/sink/write_back_cache.ts";
import { PIECE_SIZE } from "../../tests/helpers/scenes/simulated_download.ts";

const BYTES = 4 * PIECE_SIZE;
const BLOCK_SIZE = 512 * 1024;

const INFO: FileInfo = {
  ...{ kind: "file", size: BYTES, modifiedMs: 0 },
  ...{ identity: undefined, owner: undefined, links: undefined },
};

/** A file that accepts every write and stores nothing. */
const sink: RuntimeFile = {
  read: () => Promise.resolve(0),
  write: () => Promise.resolve(),
  truncate: () => Promise.resolve(),
  sync: () => Promise.resolve(),
  stat: (): Promise<FileInfo> => Promise.resolve(INFO),
  close: () => Promise.resolve(),
};

function fail(error: unknown): never {
  throw error;
}

for (const readSize of [BLOCK_SIZE, BLOCK_SIZE / 4, 16 * 1024, 1400]) {
  Deno.bench({
    name: `reads of ${readSize.toLocaleString("en")} bytes`,
    group: "4 MiB through the write-back cache",
    baseline: readSize === BLOCK_SIZE,
    fn: store(readSize),
  });
}

function store(readSize: number): () => Promise<void> {
  const pool = new MemoryBudget({ blockSize: BLOCK_SIZE, blocks: 16 });
  const writer = new FileWriter({
    file: sink,
    path: "sink",
    size: BYTES,
    finalSize: BYTES,
    onFailure: fail,
  });
  let written = 0;
  const onWritten = ({ start, end }: { start: number; end: number }) => void (written += end - start);
  const cache = new WriteBackCache({ pool, sink: writer, pieceSize: PIECE_SIZE, onWritten });
  const { signal } = new AbortController();
  return async () => {
    written = 0;
    const lane = cache.openLane();
    let block = await pool.take(signal);
    for (let position = 0; position < BYTES;) {
      const length = Math.min(readSize, BYTES - position);
      block = lane.store(block, length, position) ?? await pool.take(signal);
      position += length;
    }
    pool.release(block);
    cache.closeLane(lane);
    await cache.flush();
    if (written !== BYTES) throw new Error(`${written} of ${BYTES} bytes were written`);
  };
}
