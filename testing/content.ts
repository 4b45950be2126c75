/**
 * File content as a function of a seed and an offset: a file may have any length, and takes no memory.
 *
 * @module
 */
import { strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";

const BLOCK_BYTES = 64 * 1024;
const BLOCK_WORDS = BLOCK_BYTES / 4;
const BLOCKS_IN_4_GIGAWORDS = 2 ** 32 / BLOCK_WORDS;
const STREAM_BYTES = 1024 * 1024;

// Words are made here and then copied, because the caller's buffer may start at any offset.
const words = new Uint32Array(BLOCK_WORDS);
const wordBytes = new Uint8Array(words.buffer);

/** Spreads every bit of `value` over all bits of the word. */
function scramble(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x2c1b3c6d);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0x297a2d39);
  return mixed ^ (mixed >>> 16);
}

/** Makes the words `from` to `to` of one block; no two words of a file's first 16 GiB are equal. */
function makeWords(seed: number, block: number, from: number, to: number): void {
  const key = scramble(scramble(seed + 1) + Math.floor(block / BLOCKS_IN_4_GIGAWORDS));
  const first = block * BLOCK_WORDS >>> 0;
  for (let index = from; index < to; index++) {
    const mixed = Math.imul((first + index) ^ key, 0x9e3779b1);
    const again = Math.imul((mixed ^ (mixed >>> 15)) + key, 0x85ebca77);
    words[index] = again ^ (again >>> 13);
  }
}

/**
 * Fills `out` with the content of the file `seed` from `offset` on. The content has no end: bytes behind the
 * size of a file are defined, too.
 */
export function fillContent(seed: number, offset: number, out: Uint8Array): void {
  for (let done = 0; done < out.length;) {
    const block = Math.floor((offset + done) / BLOCK_BYTES);
    const start = (offset + done) % BLOCK_BYTES;
    const end = Math.min(BLOCK_BYTES, start + out.length - done);
    makeWords(seed, block, start >> 2, (end + 3) >> 2);
    out.set(wordBytes.subarray(start, end), done);
    done += end - start;
  }
}

/** The bytes `[start, end)` of the file `seed`. */
export function contentBytes(seed: number, start: number, end: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(end - start);
  fillContent(seed, start, bytes);
  return bytes;
}

/** Yields the offset and bytes of each part of a file. All parts share one buffer. */
function* contentParts(seed: number, size: number): Generator<{ offset: number; bytes: Uint8Array }> {
  const buffer = new Uint8Array(Math.min(size, STREAM_BYTES));
  for (let offset = 0; offset < size; offset += buffer.length) {
    const bytes = buffer.subarray(0, Math.min(buffer.length, size - offset));
    fillContent(seed, offset, bytes);
    yield { offset, bytes };
  }
}

/** The digest, in lower-case hexadecimal digits, of the first `size` bytes of the file `seed`. */
export function contentHash(seed: number, size: number, algorithm: string): string {
  const hash = createHash(algorithm);
  for (const { bytes } of contentParts(seed, size)) hash.update(bytes);
  return hash.digest("hex");
}

/** Writes the first `size` bytes of the file `seed` to `path`, and replaces an existing file. */
export async function writeContentFile(path: string, seed: number, size: number): Promise<void> {
  const file = await open(path, "w");
  try {
    for (const { offset, bytes } of contentParts(seed, size)) {
      for (let done = 0; done < bytes.length;) {
        const { bytesWritten } = await file.write(bytes, done, bytes.length - done, offset + done);
        done += bytesWritten;
      }
    }
  } finally {
    await file.close();
  }
}

/**
 * Checks that the file at `path` is exactly the first `size` bytes of the file `seed`; the error names the
 * first offset that is wrong.
 */
export async function assertFileIs(path: string, seed: number, size: number): Promise<void> {
  const file = await open(path, "r");
  try {
    const found = new Uint8Array(STREAM_BYTES);
    for (const { offset, bytes } of contentParts(seed, size)) {
      for (let done = 0; done < bytes.length;) {
        const at = offset + done;
        const { bytesRead } = await file.read(found, 0, bytes.length - done, at);
        strictEqual(bytesRead > 0, true, `${path} ends at offset ${at}, expected ${size} bytes`);
        assertSame(path, at, found.subarray(0, bytesRead), bytes.subarray(done, done + bytesRead));
        done += bytesRead;
      }
    }
    const length = (await file.stat()).size;
    strictEqual(length, size, `${path} continues at offset ${size}, up to ${length} bytes`);
  } finally {
    await file.close();
  }
}

function assertSame(path: string, offset: number, found: Uint8Array, expected: Uint8Array): void {
  if (Buffer.compare(found, expected) === 0) return;
  const wrong = found.findIndex((byte, index) => byte !== expected[index]);
  strictEqual(found[wrong], expected[wrong], `${path} is wrong at offset ${offset + wrong}`);
}

/** A repeatable source of numbers in `[0, 1)`; the same seed gives the same numbers. */
export function seededRandom(seed: number): () => number {
  let state = scramble(seed);
  return () => {
    state = (state + 0x9e3779b9) | 0;
    return (scramble(state) >>> 0) / 2 ** 32;
  };
}
