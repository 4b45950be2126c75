// Downloads from a server that does everything wrong, at random: whatever is called completed is right.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import process from "node:process";
import { Downloader, DownloadError, type DownloadResult, type DownloadSpec } from "../../mod.ts";
import { contentHash } from "../helpers/content.ts";
import { FaultServer, type RecordedRequest, type Reply } from "../helpers/fault_server.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../helpers/temp.ts";
import { until } from "../helpers/until.ts";
import { Dice } from "./run_dice.ts";
import {
  type Harness,
  type HarnessOptions,
  runHarness,
  runMany,
  Tally,
  type Verdict,
  within,
} from "./run_harness.ts";
import { type FaultGroup, randomFault, type Validators, versionWith } from "./scenario_faults.ts";
import { namesOf, Witness } from "./scenario_oracle.ts";

const AT_ONCE = 8;
const MAX_FAULTS = 12;
const MAX_ATTEMPTS = 4;
/** Far more than the time-outs and the retries of one attempt come to, also on a busy machine. */
const ATTEMPT_MS = 20_000;
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
class Scenario {
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
    if (isLie) this.witness.noteLie();
    return merged;
  }

  /** Options of one attempt. */
  spec(directory: TemporaryDirectory): DownloadSpec & { readonly outputPath: string } {
    const dice = this.#dice;
    return {
      url: this.server.url,
      outputPath: directory.join("out.bin"),
      maxConnections: dice.between(1, 6),
      pieceSize: dice.pick([16_384, 65_536, 131_072]),
      minSplitSize: 0,
      minSegmentSize: dice.pick([1024, 16_384, 65_536]),
      memoryBudget: dice.pick([65_536, 2 ** 20, 2 ** 26]),
      fileAllocation: dice.pick(["none", "prealloc"] as const),
      controlSaveIntervalMs: dice.pick([5, 30, 5000]),
      maxRetries: dice.below(4),
      retryBaseDelayMs: 1,
      retryMaxDelayMs: 5,
      connectTimeoutMs: 200,
      readTimeoutMs: 100,
      ...(this.checksum === undefined ? {} : { checksum: this.checksum }),
    };
  }
}

/** Judges what is called a success. */
async function judge(scenario: Scenario, result: DownloadResult, tally: Tally): Promise<void> {
  const { witness, checksum } = scenario;
  const bytes = await readFile(result.path);
  if (bytes.length !== result.size) throw new Error(`the file has ${bytes.length} bytes, not ${result.size}`);
  const version = witness.find(bytes);
  if (checksum !== undefined) {
    const hex = createHash("sha256").update(bytes).digest("hex");
    if (checksum !== `sha256:${hex}`) throw new Error("I1: silent corruption in spite of a checksum");
    return tally.add("exact");
  }
  if (version !== undefined) return tally.add("exact");
  if (witness.isUndetectable) return tally.add("lied to");
  if (!result.lengthVerified && witness.findPrefix(bytes) !== undefined) {
    return tally.add("short, and said so");
  }
  throw new Error(`I1: silent corruption: ${bytes.length} bytes that are of no one version`);
}

async function attempt(
  scenario: Scenario,
  spec: DownloadSpec & { readonly outputPath: string },
  tally: Tally,
): Promise<DownloadResult | DownloadError> {
  const downloader = new Downloader({ logger: (_, message) => scenario.trace(message) });
  try {
    const handle = downloader.download(spec);
    const outcome = await within(handle.wait(), ATTEMPT_MS, "I6: an attempt").catch((error: unknown) => {
      if (!(error instanceof DownloadError)) throw error;
      return error;
    });
    scenario.trace(outcome instanceof DownloadError ? outcome.message : JSON.stringify(outcome));
    if (outcome instanceof DownloadError) {
      tally.add(`error ${outcome.code}`);
      if (existsSync(spec.outputPath)) throw new Error("I2: the final name exists after a failure");
    } else await judge(scenario, outcome, tally);
    return outcome;
  } finally {
    await downloader.close();
    await until(() => scenario.server.openConnections === 0).catch(() => {
      throw new Error(`I7: ${scenario.server.openConnections} connections are still open`);
    });
  }
}

async function runScenario(
  { seed, only }: HarnessOptions,
  index: number,
  tally: Tally,
): Promise<void> {
  const trace = only === undefined ? () => {} : (line: string) => void process.stdout.write(`  ${line}\n`);
  const scenario = new Scenario(new Dice(seed, index), tally, trace);
  await using directory = await temporaryDirectory();
  await using _server = await scenario.start();
  let claimed = 0;
  for (let number = 1; number <= MAX_ATTEMPTS; number++) {
    scenario.isHonest = number === MAX_ATTEMPTS;
    const spec = scenario.spec(directory);
    trace(JSON.stringify(spec));
    const outcome = await attempt(scenario, spec, tally);
    if (!(outcome instanceof DownloadError)) {
      const names = await namesOf(spec.outputPath);
      if (names.length !== 1) throw new Error(`I7: a success left ${names.join(", ")}`);
      return;
    }
    const before = claimed;
    claimed = await scenario.witness.checkClaims(spec.outputPath);
    const isFair = scenario.keepsProgress && outcome.code !== "checksum_mismatch";
    if (isFair && claimed < before) throw new Error(`I5: ${before} bytes were claimed, now ${claimed}`);
  }
  // What is left was begun from another version, or a page: starting again must do.
  const isItsVersion = scenario.server.version.seed === 1 && scenario.server.version.size === scenario.size;
  if (scenario.checksum !== undefined && !isItsVersion) return tally.add("never again");
  const last = await attempt(scenario, { ...scenario.spec(directory), resume: false }, tally);
  if (last instanceof DownloadError) throw new Error(`an honest server did not help: ${last.message}`);
  tally.add("only anew");
}

/** `rel:faults`: random faults of the server, over real sockets. */
export const faults: Harness = {
  name: "rel:faults",
  n: 150,
  async run(options: HarnessOptions): Promise<Verdict> {
    const tally = new Tally();
    const failures = await runMany(options, AT_ONCE, (index) => runScenario(options, index, tally));
    const corrupt = failures.filter((failure) => failure.includes("silent corruption")).length;
    const good = ["exact", "lied to", "short, and said so", "only anew", "never again"];
    const ends = good.map((name) => `${name} ${tally.get(name)}`).join(", ");
    return {
      figures: `${tally.total("fault ")} faults, ${corrupt} silent corruptions; ${ends}; errors: ${
        tally.show("error ")
      }`,
      failures,
    };
  },
};

if (import.meta.main) await runHarness(faults);
