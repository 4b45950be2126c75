/**
 * Calls `listener` once when `signal` is aborted, or immediately if it is already aborted. Disposing the result
 * removes the listener. Otherwise the listener stays as long as the signal.
 */
export function onAbort(signal: AbortSignal | undefined, listener: () => void): Disposable {
  if (signal?.aborted) listener();
  else signal?.addEventListener("abort", listener, { once: true });
  return { [Symbol.dispose]: () => signal?.removeEventListener("abort", listener) };
}
