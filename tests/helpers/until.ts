import { setTimeout as sleep } from "node:timers/promises";

const POLL_MS = 2;
const DEADLINE_MS = 10_000;

/** Resolves once `condition` holds; for what nobody tells of. */
export async function until(condition: () => boolean): Promise<void> {
  const giveUpMs = performance.now() + DEADLINE_MS;
  while (!condition()) {
    if (performance.now() > giveUpMs) throw new Error(`Cannot wait any longer: ${condition} never came true`);
    await sleep(POLL_MS);
  }
}
