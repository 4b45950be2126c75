// The cost of a checkpoint without the sync of the data. A checkpoint is made every few seconds
// (`controlSaveIntervalMs`).
import { stat } from "node:fs/promises";
import { OutputNames } from "../../src/lib/output_names.ts";
import { PieceMap } from "../../src/plan/piece_map.ts";
import { detectRuntime } from "../../src/runtime/detect.ts";
import { decodeControl, encodeControl } from "../../src/storage/control_format.ts";
import type { ControlRecord } from "../../src/storage/control_record.ts";
import { ControlStore } from "../../src/storage/control_store.ts";
import { PIECE_SIZE } from "../../tests/helpers/scenes/simulated_download.ts";
import { temporaryDirectory } from "../../tests/helpers/temp.ts";

/** The record of a half finished download, with partial pieces of 16 connections. */
function recordOf(pieces: number): ControlRecord {
  const size = pieces * PIECE_SIZE;
  const map = new PieceMap(size, PIECE_SIZE);
  for (let piece = 0; piece < pieces / 2; piece++) {
    map.add({ start: piece * PIECE_SIZE, end: (piece + 1) * PIECE_SIZE }, piece);
  }
  for (let connection = 0; connection < 16; connection++) {
    const start = (pieces / 2 + connection) * PIECE_SIZE;
    map.add({ start, end: start + PIECE_SIZE / 2 }, connection);
  }
  return {
    file: {
      urlHash: "ab".repeat(32),
      queryHash: "abcdef",
      size,
      validator: { etag: '"5f3a-61c"', lastModified: "Mon, 23 Nov 2026 10:00:00 GMT" },
    },
    part: { identity: "2049:1234567", modifiedMs: 1_795_000_000_000 },
    progress: { pieceSize: PIECE_SIZE, ...map.snapshot() },
  };
}

for (const pieces of [1000, 100_000, 1_000_000]) {
  const record = recordOf(pieces);
  const bytes = encodeControl(record);
  const name = `${pieces.toLocaleString("en")} pieces, ${bytes.length.toLocaleString("en")} bytes`;
  const baseline = pieces === 1000;
  Deno.bench({ name, baseline, group: "encode" }, () => void encodeControl(record));
  Deno.bench({ name, baseline, group: "decode" }, () => void decodeControl(bytes, "out.bin.bytehaul"));
  Deno.bench({
    name,
    baseline,
    group: "save to a file, with what makes it durable",
    n: 20,
    warmup: 2,
    async fn(b) {
      await using dir = await temporaryDirectory();
      const names = new OutputNames(dir.join("out.bin"));
      const store = new ControlStore(detectRuntime(), names);
      b.start();
      await store.save(record);
      b.end();
      if ((await stat(names.control)).size !== bytes.length) throw new Error("The control file is not whole");
    },
  });
}
