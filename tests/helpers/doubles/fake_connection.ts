import type { Connection } from "../../../src/runtime/runtime.ts";

/** A connection whose other side has sent `text`, which comes in pieces of `size` bytes. Then it ends, or is silent. */
export function connectionOf(text: string, size: number, doesEnd = true): Connection {
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  let at = 0;
  return {
    read() {
      if (at >= bytes.length && !doesEnd) return new Promise(() => {});
      const piece = at < bytes.length ? bytes.slice(at, at + size) : undefined;
      at += size;
      return Promise.resolve(piece);
    },
    write: () => Promise.resolve(),
    close: () => {},
    closeAfter: () => {},
  };
}
