import { OVER } from "../../lib/waiting.ts";
import { onAbort } from "../../lib/on_abort.ts";
import type { Scheduler } from "../../plan/scheduler.ts";
import type { ByteRange } from "../../types.ts";
import type { TransferProgress } from "../progress.ts";
import type { LeaseDesk } from "./lease_desk.ts";
import type { ProofReports } from "./proof.ts";

/** Claims of an earlier run that are checked while the missing bytes are fetched. */
export interface OpenClaims {
  /** The ranges that are certainly missing, ascending. */
  readonly missing: readonly ByteRange[];
  /** Checks the claims. Rejects when the file cannot be read, and with the reason of `signal`. */
  readonly prove: (reports: ProofReports, signal: AbortSignal) => Promise<void>;
}

/** What a {@linkcode BackgroundProof} works with. */
export interface BackgroundProofOptions {
  readonly claims: OpenClaims;
  readonly scheduler: Scheduler;
  readonly desk: LeaseDesk;
  readonly progress: TransferProgress;
  /** Aborted when the transfer ends early. The proof aborts it when the file cannot be read. */
  readonly stop: AbortController;
}

/** Checks claims while a transfer runs. Wrong ranges are fetched. The transfer ends after the proof. */
export class BackgroundProof {
  readonly #options: BackgroundProofOptions;
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;

  constructor(options: BackgroundProofOptions) {
    this.#options = options;
    this.#ended = this.#run();
  }

  /** Fulfils once the proof has ended. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /** Stops the proof. Returns once nothing of the file is read any more. */
  async stop(): Promise<void> {
    this.#stop.abort(OVER);
    await this.#ended;
  }

  async #run(): Promise<void> {
    const { claims, desk, progress, stop } = this.#options;
    const { signal } = this.#stop;
    using _ = onAbort(stop.signal, () => this.#stop.abort(stop.signal.reason));
    const reports: ProofReports = {
      onProven: ({ start, end }) => {
        progress.proven(end - start);
        this.#showState();
      },
      onWrong: (range) => {
        desk.add(range);
        this.#showState();
      },
    };
    try {
      await claims.prove(reports, signal);
    } catch (error) {
      if (!signal.aborted) stop.abort(error);
    }
    progress.fetching();
    desk.close();
  }

  /** While nothing is left to fetch, the download shows that it verifies. */
  #showState(): void {
    const { scheduler, progress } = this.#options;
    if (scheduler.isIdle) progress.verifying();
    else progress.fetching();
  }
}
