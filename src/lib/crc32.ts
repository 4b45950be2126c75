import type { ByteRange } from "../types.ts";

/** A range, and the CRC-32 of its bytes as they were received. */
export interface CheckedRange extends ByteRange {
  readonly crc: number;
}

/** The polynomial of CRC-32, reflected: the highest bit is the factor of x⁰. */
const POLYNOMIAL = 0xedb8_8320;
const ONE = 0x8000_0000;

/**
 * x to the power of 8, 16, 32 and so on: the factors of a range's CRC when 1, 2, 4 and so on bytes follow the range.
 */
const SHIFTS: readonly number[] = Array.from({ length: 53 }, shiftsBySquaring());

/** The CRC-32 of two adjacent ranges, from the CRC-32 of each and the length of the second. */
export function combineCrc32(first: number, second: number, lengthOfSecond: number): number {
  let shift = ONE;
  // Lengths may have more than 32 bits, so they are halved and not shifted.
  for (let bit = 0, rest = lengthOfSecond; rest > 0; bit++, rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) shift = multiply(shift, SHIFTS[bit]!);
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

/** The product of two polynomials modulo that of CRC-32. It uses masks, as branches cost far more here. */
function multiply(a: number, b: number): number {
  let product = 0;
  for (let power = b, factors = a | 0; factors !== 0; factors <<= 1) {
    product ^= power & (factors >> 31);
    power = (power >>> 1) ^ (POLYNOMIAL & -(power & 1));
  }
  return product >>> 0;
}
