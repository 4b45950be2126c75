import { onAbort } from "./on_abort.ts";

/** Callers that wait for something, in the order in which they came. */
export class WaitList<T> {
  readonly #waiting: ((value: T) => void)[] = [];

  /** Waits for a value; rejects with the signal's reason when it is aborted first. */
  async wait(signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#waiting.push(resolve);
    using _leaving = onAbort(signal, () => {
      const index = this.#waiting.indexOf(resolve);
      if (index >= 0) this.#waiting.splice(index, 1);
      reject(signal.reason);
    });
    return await promise;
  }

  /** Gives a value to the caller that has waited longest. Returns `false` if nobody waits. */
  wakeFirst(value: T): boolean {
    const first = this.#waiting.shift();
    first?.(value);
    return first !== undefined;
  }

  wakeAll(value: T): void {
    while (this.wakeFirst(value));
  }
}
