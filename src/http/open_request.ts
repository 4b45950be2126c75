import { DownloadError } from "../errors.ts";
import { redact } from "../redact.ts";
import type { Clock } from "../runtime/runtime.ts";
import { OVER } from "../lib/waiting.ts";
import { Watchdog } from "./watchdog.ts";

/** A request that can be ended from outside, by time or by its reader. */
export class OpenRequest {
  readonly watchdog: Watchdog;
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal;
  #isExpired = false;

  constructor(clock: Clock, outer: AbortSignal) {
    this.#outer = outer;
    this.watchdog = new Watchdog(clock, () => {
      this.#isExpired = true;
      this.#controller.abort(OVER);
    });
    if (outer.aborted) this.#stop();
    else outer.addEventListener("abort", this.#stop, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The response was read whole. */
  end(): void {
    this.watchdog.stop();
    this.#outer.removeEventListener("abort", this.#stop);
  }

  /** Ends the request, whatever it is doing, and closes its connection. */
  abort(): void {
    this.end();
    this.#controller.abort(OVER);
  }

  /** What an error of the runtime means here: its text tells little and differs between runtimes. */
  explain(error: unknown, { broken, late }: { readonly broken: string; readonly late: string }): unknown {
    if (this.#outer.aborted) return this.#outer.reason;
    if (error instanceof DownloadError) return error;
    if (this.#isExpired) {
      return new DownloadError("timeout", `Cannot fetch the file: ${late}`, {
        reason: late,
        retryable: true,
      });
    }
    const detail = reasonOf(error);
    const reason = detail === undefined ? broken : `${broken} (${detail})`;
    // The error itself does not go along: it holds the URL, whose query may be secret.
    return new DownloadError("network", `Cannot fetch the file: ${reason}`, { reason, retryable: true });
  }

  readonly #stop = (): void => {
    this.watchdog.stop();
    this.#controller.abort(this.#outer.reason);
  };
}

/** The system's name for a failure, or the runtime's words for it. */
function reasonOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ("code" in error && typeof error.code === "string") return error.code;
  const words = error.cause instanceof Error ? error.cause.message : error.message;
  return redact(words.replace(/^.* client error \(\w+\): /s, ""));
}
