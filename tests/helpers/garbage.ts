import v8 from "node:v8";
import vm from "node:vm";

/** Has the runtime collect everything that nobody holds. */
export function collectGarbage(): void {
  const { Bun } = globalThis as { readonly Bun?: { gc(wait: boolean): void } };
  if (Bun !== undefined) return Bun.gc(true);
  v8.setFlagsFromString("--expose-gc");
  (vm.runInNewContext("gc") as () => void)();
}
