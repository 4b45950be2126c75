import { DownloadError } from "../errors.ts";
import { redact } from "../redact.ts";
import type { Clock } from "../runtime/runtime.ts";
import { OVER } from "../lib/waiting.ts";
import { Watchdog } from "./watchdog.ts";
import { errorCode } from "../lib/error_code.ts";
import { onAbort } from "../lib/on_abort.ts";

/** A request that the caller, a timeout or its reader can end. */
export class OpenRequest {
  readonly watchdog: Watchdog;
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal;
  readonly #listening: Disposable;
  #isExpired = false;

  constructor(clock: Clock, outer: AbortSignal) {
    this.#outer = outer;
    this.watchdog = new Watchdog(clock, () => {
      this.#isExpired = true;
      this.#controller.abort(OVER);
    });
    this.#listening = onAbort(outer, () => {
      this.watchdog.stop();
      this.#controller.abort(outer.reason);
    });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Call this when the complete response was read. */
  end(): void {
    this.watchdog.stop();
    this.#listening[Symbol.dispose]();
  }

  /** Ends the request in any state, and closes its connection. */
  abort(): void {
    this.end();
    this.#controller.abort(OVER);
  }

  /** Translates an error of the runtime, whose text says little and differs between runtimes. */
  explain(error: unknown, { broken, late }: { readonly broken: string; readonly late: string }): unknown {
    if (this.#outer.aborted) return this.#outer.reason;
    if (error instanceof DownloadError) return error;
    if (this.#isExpired) {
      return new DownloadError("timeout", `Cannot fetch the file: ${late}`, {
        retryable: true,
        reason: late,
      });
    }
    const words = wordsOf(error);
    const reason = words === undefined ? broken : `${broken} (${words})`;
    // The error itself is not the cause: it contains the URL, whose query may be secret.
    return new DownloadError("network", `Cannot fetch the file: ${reason}`, { retryable: true, reason });
  }
}

/** The system's name for a failure, or the runtime's words for it. */
function wordsOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = errorCode(error);
  if (code !== undefined) return code;
  const words = error.cause instanceof Error ? error.cause.message : error.message;
  return redact(words.replace(/^.* client error \(\w+\): /s, ""));
}
