// Downloads a large file that is checked and not stored, and tells how much memory that took; run by large_file_test.ts.
import { strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import process from "node:process";
import { clearInterval, setInterval } from "node:timers";
import { contentBytes } from "./helpers/content.ts";
import { fileWith, queueOn, runtimeWith } from "./helpers/runtime_double.ts";

/** What the process had in use at one moment of the download. */
export interface MemorySample {
  readonly downloaded: number;
  readonly rss: number;
  readonly heapUsed: number;
}

/** What the parent is told. */
export interface LargeFileReport {
  readonly size: number;
  readonly fetchedBytes: number;
  readonly bytesWritten: number;
  /** What was written, as runs of bytes. */
  readonly runs: readonly (readonly [start: number, end: number])[];
  readonly samples: readonly MemorySample[];
}

const SAMPLE_MS = 50;
const CHECKED_BYTES = 256;

/** Takes what is written in place of a disk, and keeps none of it. */
class CheckedSink {
  bytesWritten = 0;
  /** Ends by their starts; runs that touch are one. */
  readonly runs = new Map<number, number>();
  readonly #starts = new Map<number, number>();
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Checks both ends of a write, where one that is misplaced or too short shows. */
  write(data: Uint8Array, position: number): Promise<void> {
    this.#check(data.subarray(0, CHECKED_BYTES), position);
    const last = Math.max(0, data.length - CHECKED_BYTES);
    this.#check(data.subarray(last), position + last);
    this.#cover(position, position + data.length);
    this.bytesWritten += data.length;
    return Promise.resolve();
  }

  #check(found: Uint8Array, offset: number): void {
    const expected = contentBytes(this.#seed, offset, offset + found.length);
    strictEqual(Buffer.compare(found, expected), 0, `wrong bytes at offset ${offset}`);
  }

  /** A byte that never comes leaves more than one run, one that comes twice too many bytes. */
  #cover(start: number, end: number): void {
    const from = this.#starts.get(start) ?? start;
    const to = this.runs.get(end) ?? end;
    this.#starts.delete(start);
    this.runs.delete(end);
    this.runs.set(from, to);
    this.#starts.set(to, from);
  }
}

const [url = "", outputPath = "", seed = ""] = process.argv.slice(2);
const sink = new CheckedSink(Number(seed));
const runtime = runtimeWith({
  // The disk need not have room for what is never stored.
  files: { freeSpace: () => Promise.resolve(undefined) },
  file: (file, path) =>
    path.endsWith(".part") ? fileWith(file, { write: (data, at) => sink.write(data, at) }) : file,
});
const queue = queueOn(runtime);
// Without a write, only this gives the part file the length that it is expected to have.
const handle = queue.add({ url, outputPath, fileAllocation: "prealloc" });
const samples: MemorySample[] = [];
const sampling = setInterval(() => {
  const { rss, heapUsed } = process.memoryUsage();
  samples.push({ downloaded: handle.snapshot.downloaded, rss, heapUsed });
}, SAMPLE_MS);
const { size, fetchedBytes } = await handle.wait();
clearInterval(sampling);
await queue.close();
const { bytesWritten, runs } = sink;
const report: LargeFileReport = { size, fetchedBytes, bytesWritten, runs: [...runs], samples };
process.stdout.write(JSON.stringify(report));
