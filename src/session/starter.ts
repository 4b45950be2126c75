import { RemoteChangedError } from "../errors.ts";
import { agree, namesVersion } from "../http/validator.ts";
import type { Output } from "../storage/output.ts";
import type { Validator } from "../types.ts";
import { type Interrupted, prove, startsFresh } from "./resume.ts";
import type { ResumeAnswer } from "./resume_request.ts";
import { isJudgedByChecksum } from "./sources/expected_checksum.ts";
import type { FirstRequests } from "./sources/first_request.ts";
import type { FirstResponse } from "./sources/first_response.ts";
import { KnownVersion } from "./sources/known_version.ts";
import type { Prober } from "./sources/prober.ts";
import { type Start, startFresh, startResumed, type StartTools } from "./start.ts";
import { decideStart } from "./start_decision.ts";

/** What a {@linkcode Starter} works with. */
export interface StarterTools extends StartTools {
  readonly requests: FirstRequests;
  readonly prober: Prober;
  readonly signal: AbortSignal;
}

/** Starts the transfer of a file into its output. */
export class Starter {
  readonly #output: Output;
  readonly #tools: StarterTools;

  constructor(output: Output, tools: StarterTools) {
    this.#output = output;
    this.#tools = tools;
  }

  /** Resumes an unfinished download if the server still has that version. Starts at byte 0 otherwise. */
  async start(interrupted: Interrupted | undefined, named: FirstResponse | undefined): Promise<Start> {
    using first = named?.take();
    if (interrupted === undefined) return await this.#startFresh(first);
    const proven = await prove(interrupted, this.#output, first !== undefined, this.#tools);
    const decision = decideStart(proven.found);
    if (startsFresh(decision, this.#output, this.#tools.log)) return await this.#startFresh(first);
    if (decision.kind === "resume") {
      return startResumed(
        proven,
        this.#output,
        { version: versionOf(proven), first: undefined },
        this.#tools,
      );
    }
    const answer = await this.#request(proven, first);
    using answered = answer.first;
    const settled = decideStart({ ...proven.found, answer: answer.kind });
    const isFresh = startsFresh(settled, this.#output, this.#tools.log);
    if (isFresh || answer.kind !== "same") return await this.#startFresh(answered);
    return startResumed(proven, this.#output, { version: answer.version, first: answered }, this.#tools);
  }

  /**
   * Starts at byte 0 with one request for the complete file, so that no versions are mixed. If `like` is given, the
   * response must name that version. Otherwise an error page would be accepted.
   */
  async startPlainly(like: Validator | undefined): Promise<Start> {
    using first = await this.#tools.prober.probePlainly();
    const { validator } = first.remote;
    const isFree = like === undefined || !namesVersion(like) || isJudgedByChecksum(this.#tools.spec);
    if (isFree || (namesVersion(validator) && agree(like, validator))) return await this.#startFresh(first);
    throw new RemoteChangedError("Cannot continue: the file on the server changed; the data on disk is kept");
  }

  async #startFresh(first: FirstResponse | undefined): Promise<Start> {
    return await startFresh(first ?? await this.#tools.prober.probe(), this.#output, this.#tools);
  }

  async #request(proven: Interrupted, named: FirstResponse | undefined): Promise<ResumeAnswer> {
    const { requests, prober, log } = this.#tools;
    // Loaded here, because most runs of the command resume nothing.
    const { ResumeRequest } = await import("./resume_request.ts");
    const request = new ResumeRequest(proven, requests, log);
    const first = named ?? (proven.pieces.isComplete ? await prober.probe() : undefined);
    return first === undefined ? await request.send() : await request.judge(first);
  }
}

/** The recorded version of a complete part file, which needs no request. */
function versionOf({ record, found }: Interrupted): KnownVersion {
  const version = new KnownVersion(record.size, record.validator, found.isJudged);
  if (!found.control.isSameQuery) version.noteLeftovers(record.validator);
  return version;
}
