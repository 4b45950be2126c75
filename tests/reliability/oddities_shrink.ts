/**
 * The simplest case that still fails: takes the first simpler one that does, and goes on from there, until none does or
 * `tries` are spent.
 */
export async function shrink<T>(
  start: T,
  simpler: (from: T) => Iterable<T>,
  fails: (one: T) => Promise<boolean>,
  tries: number,
): Promise<T> {
  let found = start;
  let left = tries;
  for (let isSimpler = true; isSimpler;) {
    isSimpler = false;
    for (const one of simpler(found)) {
      if (left-- <= 0) return found;
      if (!await fails(one)) continue;
      found = one;
      isSimpler = true;
      break;
    }
  }
  return found;
}
