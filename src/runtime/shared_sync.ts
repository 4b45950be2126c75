type Sync = (path: string) => Promise<void>;

/**
 * Shares one sync of a directory between all callers before its start. Many small files may be in one
 * directory, and a sync makes every name in it durable. Callers during a sync wait for the next one.
 */
export function shareSyncs(sync: Sync): Sync {
  const running = new Map<string, Promise<void>>();
  const waiting = new Map<string, Promise<void>>();
  const begin = (path: string) => {
    const begun = sync(path).finally(() => running.delete(path));
    running.set(path, begun);
    return begun;
  };
  return (path) => {
    const current = running.get(path);
    if (current === undefined) return begin(path);
    const next = waiting.get(path) ??
      // If the current sync fails, waiting callers get its error: it may concern their names, and the system
      // reports a failure only once.
      current.finally(() => waiting.delete(path)).then(() => begin(path));
    waiting.set(path, next);
    return next;
  };
}
