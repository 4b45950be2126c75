type Sync = (path: string) => Promise<void>;

/**
 * Lets one sync of a directory serve all who asked before it began: many small files come into one directory, and a
 * sync makes every name in it durable. Who asks while one runs waits for the next.
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
      // What it failed to make durable may be theirs who wait, and the system tells of a failure only once.
      current.finally(() => waiting.delete(path)).then(() => begin(path));
    waiting.set(path, next);
    return next;
  };
}
