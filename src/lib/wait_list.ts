import { onAbort } from "./on_abort.ts";

/** Callers that wait for a value. They get values in the order in which they started to wait. */
export class WaitList<T> {
  readonly #waiting: ((value: T) => void)[] = [];

  /** Waits for a value. Rejects with the signal's reason when the signal is aborted first. */
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

  /** Gives a value to the caller that has waited longest. Returns `false` if no caller waits. */
  wakeFirst(value: T): boolean {
    const first = this.#waiting.shift();
    first?.(value);
    return first !== undefined;
  }

  wakeAll(value: T): void {
    while (this.wakeFirst(value));
  }
}
