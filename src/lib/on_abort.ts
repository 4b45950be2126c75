/**
 * Calls `listener` once when `signal` is aborted, immediately where it already is. Disposing the result removes the
 * listener, which otherwise lives as long as the signal.
 */
export function onAbort(signal: AbortSignal | undefined, listener: () => void): Disposable {
  if (signal?.aborted) listener();
  else signal?.addEventListener("abort", listener, { once: true });
  return { [Symbol.dispose]: () => signal?.removeEventListener("abort", listener) };
}
