/**
 * Cuts the power at every storage operation of a download, with random parts of what was not synced on the disk, and
 * goes on from there. `deno task rel:powerloss`, or `bun tests/reliability/powerloss.ts`; `--n` is how many random
 * disks follow from each operation.
 *
 * @module
 */
import { DownloadError } from "../../src/errors.ts";
import type { DownloadSpec } from "../../src/options/options.ts";
import { contentHash, seededRandom } from "../../testing/content.ts";
import { claimedBytes, isSame, journalOf, provableBytes, wrongClaims } from "./claims.ts";
import { MemoryFiles } from "./memory_files.ts";
import { type Call, type Ending, type Fate, runDownload } from "./memory_runtime.ts";
import { bytesOf, MemoryServer } from "./memory_server.ts";
import { type Harness, type HarnessOptions, isWanted, runHarness, verdictOf } from "./run_harness.ts";
import { Findings } from "./tally.ts";

/** Together less than the first request asks for: a file that ends with it is asked for once more. */
const PIECES = 63;
const PIECE_BYTES = 16 * 1024;
const SIZE = PIECES * PIECE_BYTES;
const VERSION = { seed: 1, size: SIZE };
const OLD = { seed: 2, size: 100_000 };
/** Chunks on their way when a connection is ended; more than that is fetched twice only if a claim is ignored. */
const FORGIVEN_BYTES = 4 * 64 * 1024;

/** The last ones of these directories are made by the download in one of the scenarios. */
const DIRECTORIES = ["/", "/disk", "/disk/made", "/disk/made/deep"];
const DIRECTORY = DIRECTORIES.at(-1)!;
const FINAL = `${DIRECTORY}/out.bin`;
const PART = `${FINAL}.part`;
const CONTROL = `${FINAL}.bytehaul`;

const COMMON = {
  outputPath: FINAL,
  maxConnections: 4,
  pieceSize: PIECE_BYTES,
  minSplitSize: 0,
  minSegmentSize: 32_768,
  memoryBudget: 512 * 1024,
  controlSaveIntervalMs: 1,
} as const;

/** Held in memory: until it is whole, or, with the frequent saves of the others, for a moment. */
const HELD = { pieceSize: SIZE, memoryBudget: 4 * SIZE } as const;

const SCENARIOS: Readonly<Record<string, Partial<DownloadSpec>>> = {
  plain: {},
  journal: { controlSaveIntervalMs: 40 },
  checksum: { checksum: `sha256:${contentHash(VERSION.seed, SIZE, "sha256")}` },
  prealloc: { fileAllocation: "prealloc" },
  overwrite: { overwrite: true },
  directories: {},
  small: { ...HELD, controlSaveIntervalMs: 60_000 },
  "small, overwrite": { ...HELD, controlSaveIntervalMs: 60_000, overwrite: true },
  "small, saved": HELD,
};

/** Calls that are none of the disk's. */
const OTHER_CALLS = new Set(["fetch", "body", "thread", "hash"]);

/** How often the power fails at most before a download may finish. */
const MAX_CRASHES = 3;

/** Runs the harness. `only` is a scenario, or further a storage operation and a random disk: `plain:12:0`. */
export async function losePower({ seed, n, only }: HarnessOptions, every = 1): Promise<Findings> {
  const findings = new Findings();
  for (const scenario of Object.keys(SCENARIOS)) {
    if (!isWanted(scenario, only)) continue;
    const whole = await new Case(findings, scenario, scenario, seed).finish(begin(scenario));
    const points = whole.calls.filter(({ name }) => !OTHER_CALLS.has(name)).length;
    for (let point = 1; point <= points; point += every) {
      const name = `${scenario}:${point}`;
      if (!isWanted(name, only)) continue;
      findings.add("crash points");
      const stopped = new Case(findings, name, scenario, seed);
      const files = begin(scenario);
      await stopped.run(files, point);
      for (let disk = 0; disk < n; disk++) {
        if (isWanted(`${name}:${disk}`, only)) await stopped.fork(`${name}:${disk}`).recover(files, disk);
      }
    }
  }
  return findings;
}

function begin(scenario: string): MemoryFiles {
  const there = scenario === "directories" ? DIRECTORIES.slice(0, 2) : DIRECTORIES;
  const files = new MemoryFiles(...there);
  if (SCENARIOS[scenario]!.overwrite) files.put(FINAL, bytesOf(OLD));
  return files;
}

/** One download, its power losses, and what must hold. */
class Case {
  readonly #findings: Findings;
  readonly #name: string;
  readonly #scenario: string;
  readonly #seed: number;
  /** Bytes that the last checkpoint claims. */
  #saved = 0;
  #served = 0;

  constructor(findings: Findings, name: string, scenario: string, seed: number) {
    this.#findings = findings;
    this.#name = name;
    this.#scenario = scenario;
    this.#seed = seed;
  }

  /** Goes on from here under another name. */
  fork(name: string): Case {
    const fork = new Case(this.#findings, name, this.#scenario, this.#seed);
    fork.#saved = this.#saved;
    fork.#served = this.#served;
    return fork;
  }

  /** Loses power, and goes on, until it is finished. */
  async recover(stopped: MemoryFiles, disk: number): Promise<void> {
    const random = seededRandom(this.#seed * 1_000_003 + hash(this.#name) + disk);
    let files = stopped;
    for (let crashes = 1;; crashes++) {
      this.#findings.add("crashes");
      files = files.crash(random);
      this.#inspect(files);
      const isCrashedAgain = crashes < MAX_CRASHES && random() < 0.25;
      if (!isCrashedAgain) break;
      const ending = await this.run(files, 1 + Math.floor(random() * 60));
      if (ending.kind !== "stopped") break; // it was over before
    }
    await this.finish(files);
    // What was reported as done must be there whatever happens now.
    const after = files.crash(random);
    if (!isSame(after.peek(FINAL), bytesOf(VERSION))) this.#fail("lost after success", listOf(after));
  }

  /** Runs the download until it ends, or until a storage operation where the power fails. */
  async run(files: MemoryFiles, crashAt: number): Promise<Ending> {
    let operations = 0;
    const decide = ({ name, path }: Call): Fate => {
      if (OTHER_CALLS.has(name)) return undefined;
      // The one before is over when the next checkpoint begins. Without a part file it claims nothing.
      if (name === "create" && path === `${CONTROL}.tmp` && files.peek(PART) !== undefined) {
        this.#saved = claimedBytes(files, FINAL) ?? this.#saved;
      }
      return ++operations === crashAt ? "stop" : undefined;
    };
    const server = new MemoryServer({ ...VERSION, maxChunk: 65_536 });
    const spec = { ...COMMON, ...SCENARIOS[this.#scenario] };
    const ending = await runDownload({ files, server, seed: this.#seed, spec, decide });
    this.#served += server.bytesServed;
    this.#findings.add("runs");
    for (const leak of ending.leaks) this.#fail("left open", leak);
    if (ending.kind === "hung") this.#fail("hang", `after ${ending.elapsedMs} ms`);
    return ending;
  }

  /** Runs the download to its end, and checks that. */
  async finish(files: MemoryFiles): Promise<Ending> {
    const isCommitted = isSame(files.peek(FINAL), bytesOf(VERSION));
    const claimed = provableBytes(files, FINAL, () => bytesOf(VERSION));
    const isKept = claimed !== undefined && files.peek(PART) !== undefined && !isCommitted;
    const servedBefore = this.#served;
    const ending = await this.run(files, Infinity);
    const fetched = this.#served - servedBefore;
    this.#judge(files, ending, isCommitted);
    if (isKept && fetched > SIZE - claimed + FORGIVEN_BYTES) {
      this.#fail("claim ignored", `${claimed} bytes were claimed and ${fetched} fetched`);
    }
    if (ending.kind === "done" && !isCommitted && this.#name !== this.#scenario) {
      this.#findings.measure("bytes fetched again", Math.max(0, this.#served - SIZE));
    }
    return ending;
  }

  #judge(files: MemoryFiles, { kind, error }: Ending, isCommitted: boolean): void {
    if (!isSame(files.peek(FINAL), bytesOf(VERSION))) {
      const reason = error instanceof Error ? error.message : String(error);
      return this.#fail(kind === "done" ? "wrong bytes" : "stuck", `${kind} (${reason}), ${listOf(files)}`);
    }
    if (kind === "done") {
      this.#findings.add("exact");
      if (files.list().length > 1) this.#fail("left behind", listOf(files));
    } else if (isCommitted && error instanceof DownloadError && error.code === "output_exists") {
      this.#findings.add("was finished");
    } else this.#fail("failed", `${error}`);
  }

  /** What must hold on every disk, before anything is done about it. */
  #inspect(files: MemoryFiles): void {
    const final = files.peek(FINAL);
    const isOld = SCENARIOS[this.#scenario]!.overwrite === true && isSame(final, bytesOf(OLD));
    const isFinal = isSame(final, bytesOf(VERSION));
    if (final !== undefined && !isOld && !isFinal) this.#fail("I2", "the final name has wrong bytes");
    if (isFinal) return;
    if (final === undefined && SCENARIOS[this.#scenario]!.overwrite) this.#fail("I2", "the old file is gone");
    const claimed = claimedBytes(files, FINAL);
    if (claimed === undefined && files.peek(CONTROL) !== undefined) {
      this.#fail("damaged control file", listOf(files));
    }
    if (files.peek(PART) !== undefined && files.peek(CONTROL) === undefined) {
      this.#fail("part file of nobody", listOf(files));
    }
    const { entries, wrong } = journalOf(files, FINAL, () => bytesOf(VERSION));
    this.#findings.add("journal entries", entries);
    this.#findings.add("of them lost from the part file", wrong);
    const provable = provableBytes(files, FINAL, () => bytesOf(VERSION)) ?? 0;
    if (provable < this.#saved) this.#fail("I4", `${provable} bytes are claimed, ${this.#saved} were`);
    for (const range of wrongClaims(files, FINAL, () => bytesOf(VERSION))) {
      this.#fail("I3", `bytes ${range} are claimed and wrong`);
    }
  }

  #fail(kind: string, detail: string): void {
    this.#findings.fail(this.#name, kind, detail);
  }
}

function listOf(files: MemoryFiles): string {
  return `there are ${files.list().join(", ") || "no files"}`;
}

function hash(text: string): number {
  let value = 0;
  for (const character of text) value = (Math.imul(value, 31) + character.charCodeAt(0)) | 0;
  return value >>> 0;
}

/** `rel:powerloss`: a crash at every storage operation. */
export const powerloss: Harness = {
  name: "rel:powerloss",
  n: 3,
  run: async (options) => verdictOf(await losePower(options)),
};

if (import.meta.main) await runHarness(powerloss);
