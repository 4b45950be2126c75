// Work on all pieces is done once in a download, except the snapshot of each checkpoint.
import { PieceMap } from "../../src/plan/piece_map.ts";
import { BLOCK_SIZE, PIECE_SIZE } from "../../tests/helpers/scenes/simulated_download.ts";

/** A map of `pieces` pieces of which every second one is done. */
function halfOf(pieces: number): PieceMap {
  const map = new PieceMap(pieces * PIECE_SIZE, PIECE_SIZE);
  for (let piece = 0; piece < pieces; piece += 2) {
    map.add({ start: piece * PIECE_SIZE, end: (piece + 1) * PIECE_SIZE }, piece);
  }
  return map;
}

/** Adds all blocks of a file to a map, again and again; one call adds one block. */
function marking(pieces: number): () => void {
  const size = pieces * PIECE_SIZE;
  const map = new PieceMap(size, PIECE_SIZE);
  let position = 0;
  return () => {
    if (position === size) {
      map.clear();
      position = 0;
    }
    map.add({ start: position, end: position + BLOCK_SIZE }, 1);
    position = Math.max(map.frontier, position + BLOCK_SIZE);
  };
}

for (const pieces of [1000, 1_000_000]) {
  const name = `${pieces.toLocaleString("en")} pieces`;
  const baseline = pieces === 1000;
  const mark = marking(pieces);
  const half = halfOf(pieces);
  const claims = half.snapshot();
  Deno.bench({ name, baseline, group: "mark one block, and look at the frontier", fn: mark });
  Deno.bench({ name, baseline, group: "snapshot" }, () => void half.snapshot());
  Deno.bench({ name, baseline, group: "restore what a control file claims" }, () => {
    new PieceMap(pieces * PIECE_SIZE, PIECE_SIZE).restore(claims);
  });
  Deno.bench({ name, baseline, group: "all claims, every second piece" }, () => {
    for (const _ of half.known());
  });
  Deno.bench({ name, baseline, group: "missing ranges, every second piece" }, () => void half.missing());
}
