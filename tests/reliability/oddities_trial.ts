import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import {
  Downloader,
  DownloadError,
  type DownloadErrorCode,
  type DownloadHandle,
  type DownloadResult,
  type DownloadSpec,
} from "../../mod.ts";
import { temporaryDirectory } from "../helpers/temp.ts";
import { until } from "../helpers/until.ts";
import { endsUnnoticed, mayRefuse, type OddCase, plainWorks, undetectable } from "./oddities_case.ts";
import { OddServer } from "./oddities_server.ts";
import { show, within } from "./run_harness.ts";
import { namesOf } from "./scenario_oracle.ts";
import { SMALL_FILE } from "../helpers/small_file.ts";

const TIMEOUT_MS = 400;
/** What was sent takes less than that to arrive. */
const ARRIVE_MS = 15;
/** More than the time-outs and the retries of a run come to. */
const RUN_MS = 30_000;

/** What fell. */
export type FailureKind =
  | "wrong bytes"
  | `not fetched: ${DownloadErrorCode}`
  | "other size told"
  | "name after failure"
  | "connections left"
  | "files left"
  | "no end"
  | "not a DownloadError";

/** How a case ended. */
export interface Ending {
  /** What it counts as when nothing fell. */
  readonly end: string;
  readonly failure?: { readonly kind: FailureKind; readonly detail: string };
}

/** What is thrown when a promise to the user was broken. */
class Broken extends Error {
  readonly kind: FailureKind;

  constructor(kind: FailureKind, detail: string) {
    super(detail);
    this.kind = kind;
  }
}

/** Fetches the file of a case. `patience` multiplies the time-outs. */
export async function tryCase(
  odd: OddCase,
  { patience = 1, trace = () => {} }: { patience?: number; trace?: (line: string) => void } = {},
): Promise<Ending> {
  await using directory = await temporaryDirectory();
  await using server = await OddServer.start(odd, trace);
  const trial = new Trial(odd, server, directory.join("out.bin"), patience, trace);
  try {
    return { end: await trial.run() };
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    return { end: "failure", failure: { kind: error.kind, detail: error.message } };
  }
}

/** Resolves when no more bytes come. */
async function arrived(handle: DownloadHandle): Promise<void> {
  for (let before = -1; handle.snapshot.downloaded > before;) {
    before = handle.snapshot.downloaded;
    await sleep(ARRIVE_MS);
  }
}

class Trial {
  readonly #odd: OddCase;
  readonly #server: OddServer;
  readonly #path: string;
  readonly #patience: number;
  readonly #trace: (line: string) => void;

  constructor(
    odd: OddCase,
    server: OddServer,
    path: string,
    patience: number,
    trace: (line: string) => void,
  ) {
    this.#odd = odd;
    this.#server = server;
    this.#path = path;
    this.#patience = patience;
    this.#trace = trace;
  }

  async run(): Promise<string> {
    const { stop } = this.#odd;
    const first = new Downloader({ logger: (_, message) => this.#trace(message) });
    let outcome = await this.#finally(first, async () => {
      if (stop === undefined) return await this.#outcome(first.download(this.#spec()).wait());
      const stopped = await this.#stopped(first);
      if (stopped === undefined && !stop.other && stop.how !== "close") {
        return await this.#outcome(first.download(this.#spec()).wait());
      }
      return stopped;
    });
    if (outcome === undefined) {
      const second = new Downloader({ logger: (_, message) => this.#trace(message) });
      outcome = await this.#finally(second, () => this.#outcome(second.download(this.#spec()).wait()));
    }
    return outcome instanceof DownloadError ? this.#judgeError(outcome) : await this.#judgeFile(outcome);
  }

  /** The first run up to its stop; `undefined` when it was stopped, and how it ended when that was earlier. */
  async #stopped(downloader: Downloader): Promise<DownloadResult | DownloadError | undefined> {
    const { after = 0.5, how = "pause", isSudden = false } = this.#odd.stop ?? {};
    const held = this.#server.holdAfter(Math.floor(this.#server.bytes().length * after));
    const controller = new AbortController();
    const handle = downloader.download({ ...this.#spec(), signal: controller.signal });
    const ended = handle.wait().catch((error: unknown) => error);
    const isHeld = await Promise.race([held.then(() => true), ended.then(() => false)]);
    if (isHeld && !isSudden) await arrived(handle);
    const reason = new Error("stopped");
    if (how === "pause") handle.pause();
    else if (how === "abort") controller.abort(reason);
    else void downloader.close();
    const outcome = await this.#outcome(ended.then((end) => {
      if (end instanceof Error && end !== reason) throw end;
      return end === reason ? undefined : end as DownloadResult;
    }));
    await handle.closed;
    this.#server.release();
    const isStopped = outcome === undefined ||
      (outcome instanceof DownloadError && ["paused", "cancelled"].includes(outcome.code));
    this.#trace(isStopped ? "-- stopped" : "-- over before it was stopped");
    return isStopped ? undefined : outcome;
  }

  /** Closes the downloader after `work`, and sees that nothing is left of it. */
  async #finally<T>(downloader: Downloader, work: () => Promise<T>): Promise<T> {
    let result: T;
    try {
      result = await work();
    } finally {
      await downloader.close();
    }
    await until(() => this.#server.openConnections === 0).catch(() => {
      throw new Broken("connections left", `${this.#server.openConnections} connections are still open`);
    });
    return result;
  }

  async #outcome<T>(ended: Promise<T>): Promise<T | DownloadError> {
    const late = within(ended, RUN_MS * this.#patience, "a run");
    return await late.catch((error: unknown) => {
      if (error instanceof DownloadError) {
        this.#trace(`-- ${error.code}: ${error.message}`);
        return error;
      }
      const isLate = error instanceof Error && error.message.startsWith("a run took longer");
      throw new Broken(isLate ? "no end" : "not a DownloadError", show(error));
    });
  }

  #judgeError({ code, message }: DownloadError): string {
    if (existsSync(this.#path)) throw new Broken("name after failure", `${code}: ${message}`);
    const odd = this.#odd;
    if (!plainWorks(odd)) return `refused as curl does: ${code}`;
    const reason = mayRefuse(odd);
    if (reason === undefined) throw new Broken(`not fetched: ${code}`, message);
    return `refused: ${reason}`;
  }

  async #judgeFile({ path, size, lengthVerified }: DownloadResult): Promise<string> {
    const bytes = await readFile(path);
    const names = await namesOf(this.#path);
    if (names.length !== 1) throw new Broken("files left", names.join(", "));
    if (bytes.length !== size) {
      throw new Broken("other size told", `the file has ${bytes.length} bytes, not ${size}`);
    }
    const odd = this.#odd;
    const isOne = [1, 2].some((seed) => Buffer.compare(bytes, this.#server.bytes(seed)) === 0);
    const isKnown = !odd.checksum || createHash("sha256").update(bytes).digest("hex") === this.#server.sha256;
    if (isOne && isKnown) return odd.lie === undefined ? "exact" : "exact in spite of a lie";
    const excuse = undetectable(odd);
    if (isKnown && !odd.checksum && excuse !== undefined) return `lied to: ${excuse}`;
    const whole = this.#server.bytes(1);
    const isPrefix = Buffer.compare(bytes, whole.subarray(0, bytes.length)) === 0;
    if (!odd.checksum && isPrefix && !lengthVerified && endsUnnoticed(odd)) return "short, and said so";
    const what = isPrefix && bytes.length < whole.length
      ? "the start of the file"
      : "bytes of no one version";
    throw new Broken("wrong bytes", `success with ${what}: ${bytes.length} of ${whole.length} bytes`);
  }

  #spec(): DownloadSpec {
    const { connections, checksum } = this.#odd;
    return {
      url: this.#server.url,
      outputPath: this.#path,
      ...SMALL_FILE,
      maxConnections: connections,
      pieceSize: 16_384,
      maxRetries: 2,
      retryMaxDelayMs: 5,
      connectTimeoutMs: TIMEOUT_MS * this.#patience,
      readTimeoutMs: TIMEOUT_MS * this.#patience,
      ...(checksum ? { checksum: `sha256:${this.#server.sha256}` } : {}),
    };
  }
}
