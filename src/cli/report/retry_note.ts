/** A try that is waited for. */
export interface RetryNote {
  readonly reason: string;
  /** On the clock of whoever asked. */
  readonly dueMs: number;
}

/** What a message of the downloader says of a retry, if it tells of one. */
export function parseRetryNote(message: string, nowMs: number): RetryNote | undefined {
  const [, reason, seconds] = /^(?:Cannot fetch the file: )?(.*); try \d+ in ([\d.]+) s$/s.exec(message) ??
    [];
  return reason === undefined ? undefined : { reason, dueMs: nowMs + Number(seconds) * 1000 };
}

/** The line for it, `undefined` once it is due. */
export function renderRetryNote({ reason, dueMs }: RetryNote, nowMs: number): string | undefined {
  return dueMs > nowMs ? `retry in ${Math.ceil((dueMs - nowMs) / 1000)} s: ${reason}` : undefined;
}
