import type { DownloadSpec } from "../../mod.ts";
import { contentHash } from "../../testing/content.ts";
import { FaultServer, type RecordedRequest, type Reply } from "../../testing/mod.ts";
import type { Dice } from "./run_dice.ts";
import { type FaultGroup, randomFault, type Validators, versionWith } from "./scenario_faults.ts";
import { Witness } from "./scenario_oracle.ts";
import type { Tally } from "./tally.ts";
import { SMALL_FILE } from "../helpers/small_file.ts";

const MAX_FAULTS = 12;
const PATIENT_MS = 5000;
const SIZES = [0, 1, 16_384, 100_000, 262_144, 400_001];

/** What a correct server does otherwise than the usual one. */
const FLAVOURS: readonly Reply[] = [
  {},
  {},
  {},
  { chunked: true },
  { status: 200 },
  { status: 200, chunked: true },
  { status: 200, closeDelimited: true },
];

/** Sorts of faults that a scenario has, from kind to hostile. */
const MIXES: readonly (readonly FaultGroup[])[] = [
  ["transient"],
  ["transient", "wrong"],
  ["transient", "changed"],
  ["transient", "wrong", "changed"],
  ["transient", "wrong", "changed", "lies"],
];

/** One server, one output, and attempts until the file is there. */
export class Scenario {
  readonly witness = new Witness();
  readonly #dice: Dice;
  readonly #tally: Tally;
  readonly trace: (line: string) => void;
  readonly #flavour: Reply;
  readonly #groups: readonly FaultGroup[];
  readonly #validators: Validators;
  readonly #faultRate: number;
  readonly size: number;
  readonly checksum: string | undefined;
  #faultsLeft: number;
  isHonest = false;
  server!: FaultServer;

  constructor(dice: Dice, tally: Tally, trace: (line: string) => void) {
    this.trace = trace;
    this.#dice = dice;
    this.#tally = tally;
    this.#flavour = dice.pick(FLAVOURS);
    this.#groups = dice.pick(MIXES);
    this.#validators = dice.pick<Validators>([
      "etag and date",
      "etag and date",
      "date",
      "weak etag",
      "weak etag and date",
      "none",
    ]);
    this.#faultRate = dice.pick([0.3, 0.6, 0.9]);
    this.#faultsLeft = dice.between(1, MAX_FAULTS);
    // The first request asks for a mebibyte; only a larger file is fetched over several connections.
    this.size = dice.chance(0.7) ? dice.between(1_100_000, 2_500_000) : dice.pick(SIZES);
    this.checksum = dice.chance(0.25) ? `sha256:${contentHash(1, this.size, "sha256")}` : undefined;
  }

  /** Whether nothing that goes wrong may cost verified progress. */
  get keepsProgress(): boolean {
    const { status } = this.#flavour;
    return this.#groups.length === 1 && status === undefined &&
      ["etag and date", "date"].includes(this.#validators);
  }

  async start(): Promise<FaultServer> {
    const version = versionWith(this.#validators, 1, this.size);
    this.server = await FaultServer.start({ ...version, respond: (request) => this.#respond(request) });
    return this.server;
  }

  #respond(request: RecordedRequest): Reply {
    const isWhole = this.#flavour.status === 200 || request.range === undefined;
    const { size } = this.server.version;
    const { start, end } = isWhole ? { start: 0, end: size } : request.range;
    let merged = this.#flavour;
    let isLie = false;
    if (!this.isHonest && this.#faultsLeft > 0 && this.#dice.chance(this.#faultRate)) {
      this.#faultsLeft--;
      const occasion = {
        request,
        server: this.server,
        validators: this.#validators,
        start,
        length: end - start,
      };
      const fault = randomFault(this.#dice.pick(this.#groups), { ...occasion, dice: this.#dice });
      this.#tally.add(`fault ${fault.kind}`);
      const { range, bodyLength, ...rest }: Reply = {
        ...this.#flavour,
        ...(fault.reply.closeDelimited ? { chunked: false } : {}),
        ...(fault.reply.chunked ? { closeDelimited: false } : {}),
        ...fault.reply,
      };
      const isUnsized = rest.chunked || rest.closeDelimited;
      const isMoved = range !== undefined && rest.status !== 200;
      const isLonger = bodyLength !== undefined && bodyLength > end - start;
      // A surplus behind no length, and a part that is called the whole, are lies.
      merged = {
        ...rest,
        ...(isMoved ? { range } : {}),
        ...(bodyLength === undefined || (isLonger && isUnsized) ? {} : { bodyLength }),
      };
      isLie = fault.isLie === true;
    }
    const { headers: { range: asked = "all", "if-range": ifRange = "" } } = request;
    this.trace(`${asked} ${ifRange} of ${JSON.stringify(this.server.version)}: ${JSON.stringify(merged)}`);
    this.witness.note(this.server.version, merged);
    // As of an empty file.
    const isNothing = merged.status === 204 && request.range === undefined;
    if (isLie || isNothing) this.witness.noteLie();
    return merged;
  }

  /** Options of one attempt. */
  spec(outputPath: string): DownloadSpec & { readonly outputPath: string } {
    const dice = this.#dice;
    return {
      url: this.server.url,
      outputPath,
      ...SMALL_FILE,
      maxConnections: dice.between(1, 6),
      pieceSize: dice.pick([16_384, 65_536, 131_072]),
      minSegmentSize: dice.pick([1024, 16_384, 65_536]),
      memoryBudget: dice.pick([65_536, 2 ** 20, 2 ** 26]),
      fileAllocation: dice.pick(["none", "prealloc"] as const),
      controlSaveIntervalMs: dice.pick([5, 30, 5000]),
      // Once the server is honest, only a busy machine can make it late.
      maxRetries: this.isHonest ? 5 : dice.below(4),
      retryMaxDelayMs: 5,
      connectTimeoutMs: this.isHonest ? PATIENT_MS : 200,
      readTimeoutMs: this.isHonest ? PATIENT_MS : 100,
      ...(this.checksum === undefined ? {} : { checksum: this.checksum }),
    };
  }
}
