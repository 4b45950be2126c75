import { errorCode } from "../../lib/error_code.ts";
import { reasonFor } from "./host_access.ts";

/**
 * Writes to standard output or standard error. After a failure it writes nothing more. The stream is made for the
 * first text, because that takes up to 9 ms, and a quiet run writes nothing.
 */
export class Outlet {
  readonly #open: () => NodeJS.WriteStream;
  #stream: NodeJS.WriteStream | undefined;
  readonly #waiting = new Set<() => void>();
  #pending = 0;
  #isBroken = false;
  #reason: string | undefined;

  constructor(open: () => NodeJS.WriteStream) {
    this.#open = open;
  }

  write(text: string): void {
    if (this.#isBroken) return;
    this.#pending++;
    try {
      this.#stream ??= this.#open().on("error", (error: unknown) => this.#break(error));
      this.#stream.write(text, (error) => error ? this.#break(error) : this.#written());
    } catch (error) {
      // Deno throws immediately; other runtimes report the failure later.
      this.#break(error);
    }
  }

  /** Waits until all output is written or lost. Returns the reason of a loss. */
  flush(): Promise<string | undefined> {
    return new Promise((resolve) => {
      const done = () => resolve(this.#reason);
      if (this.#pending === 0 || this.#isBroken) done();
      else this.#waiting.add(done);
    });
  }

  #written(): void {
    if (--this.#pending === 0) this.#wake();
  }

  #break(error: unknown): void {
    this.#isBroken = true;
    // A closed pipe, as after `head`, is not a loss.
    if (errorCode(error) !== "EPIPE") this.#reason ??= reasonFor(error);
    this.#wake();
  }

  #wake(): void {
    for (const done of this.#waiting) done();
    this.#waiting.clear();
  }
}
