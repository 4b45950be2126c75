/**
 * Calls `listener` once when `signal` is aborted, or immediately if it already is. Dispose the result to remove the
 * listener. Otherwise the signal keeps the listener in memory.
 */
export function onAbort(signal: AbortSignal | undefined, listener: () => void): Disposable {
  if (signal?.aborted) listener();
  else signal?.addEventListener("abort", listener, { once: true });
  return { [Symbol.dispose]: () => signal?.removeEventListener("abort", listener) };
}
