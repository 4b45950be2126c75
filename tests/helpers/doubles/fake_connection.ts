import type { Connection } from "../../../src/runtime/runtime.ts";

/** A connection whose other side has sent `text`, which comes in pieces of `size` bytes. Then it ends, or is silent. */
export function connectionOf(text: string, size: number, doesEnd = true): Connection {
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  let at = 0;
  return {
    read(into) {
      if (at >= bytes.length && !doesEnd) return new Promise(() => {});
      const piece = bytes.subarray(at, at + Math.min(size, into.length));
      into.set(piece);
      at += piece.length;
      return Promise.resolve(piece.length);
    },
    write: () => Promise.resolve(),
    close: () => {},
    closeAfter: () => {},
  };
}
