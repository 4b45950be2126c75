import { IS_WINDOWS } from "./in_use.ts";

/**
 * Names a file by the numbers that the system has for its volume and for itself; `undefined` on a drive that numbers
 * none, as some do on Windows.
 */
export function identify(volume: number | bigint, file: number | bigint | null): string | undefined {
  if (file === null || BigInt(file) === 0n) return undefined;
  // Some runtimes know the volume of an open file only. Files that are compared are in one directory.
  return IS_WINDOWS ? `${file}` : `${volume}:${file}`;
}
