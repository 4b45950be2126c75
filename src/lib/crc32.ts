import type { ByteRange } from "../types.ts";

/** A range, and the CRC-32 of its bytes at the time they were received. */
export interface CheckedRange extends ByteRange {
  readonly crc: number;
}

/** The reflected polynomial of CRC-32: the highest bit is the coefficient of x⁰. */
const POLYNOMIAL = 0xedb8_8320;
const ONE = 0x8000_0000;

/**
 * x to the power of 8, 16, 32 and so on. These are the factors by which 1, 2, 4 and more bytes after a range change
 * its CRC. They are computed when first needed, because that takes a millisecond of a run that has just started.
 */
let shifts: readonly number[] | undefined;

/** Computes the CRC-32 of two adjacent ranges from the CRC-32 of each and the length of the second. */
export function combineCrc32(first: number, second: number, lengthOfSecond: number): number {
  const factors = shifts ??= Array.from({ length: 53 }, shiftsBySquaring());
  let shift = ONE;
  // A length may exceed 32 bits, so a division replaces the bit shift.
  for (let bit = 0, rest = lengthOfSecond; rest > 0; bit++, rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) shift = multiply(shift, factors[bit]!);
  }
  return (multiply(shift, first) ^ second) >>> 0;
}

function shiftsBySquaring(): () => number {
  let next = ONE >>> 8;
  return () => {
    const shift = next;
    next = multiply(shift, shift);
    return shift;
  };
}

/** The product of two polynomials modulo the one of CRC-32. Masks replace branches, which are much slower here. */
function multiply(a: number, b: number): number {
  let product = 0;
  for (let power = b, factors = a | 0; factors !== 0; factors <<= 1) {
    product ^= power & (factors >> 31);
    power = (power >>> 1) ^ (POLYNOMIAL & -(power & 1));
  }
  return product >>> 0;
}
