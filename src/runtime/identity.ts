import { IS_WINDOWS } from "./in_use.ts";

/**
 * Identifies a file by the system's numbers for its volume and the file. `undefined` on a drive without file
 * numbers, such as some on Windows.
 */
export function identify(volume: number | bigint, file: number | bigint | null): string | undefined {
  if (file === null || BigInt(file) === 0n) return undefined;
  // Some runtimes know only the volume of an open file. It is not needed, because compared files are in one
  // directory.
  return IS_WINDOWS ? `${file}` : `${volume}:${file}`;
}
