/**
 * Records every call by which a download reaches the outside world, then lets each of them fail, once for each error
 * that it may fail with, and looks at what becomes of it. `deno task rel:torture`, or
 * `bun tests/reliability/torture.ts`. `--n 2` also lets calls of that name go on failing, and each further round lets
 * another call fail, too.
 *
 * @module
 */
import { DownloadError } from "../../src/errors.ts";
import type { DownloadSpec } from "../../src/options/options.ts";
import { seededRandom } from "../../testing/content.ts";
import { claimedBytes, isSame, provableBytes, wrongClaims } from "./claims.ts";
import { MemoryFiles } from "./memory_files.ts";
import { type Call, type Ending, type Fate, runDownload } from "./memory_runtime.ts";
import { bytesOf, MemoryServer } from "./memory_server.ts";
import { type Harness, type HarnessOptions, isWanted, runHarness, verdictOf } from "./run_harness.ts";
import { Findings } from "./tally.ts";
import {
  BAD,
  CHANGES,
  COMMON,
  CONTROL,
  damage,
  DIRECTORY,
  ERRORS,
  FINAL,
  isWhole,
  MISMATCH,
  OLD,
  PART,
  RESTARTS,
  type Scenario,
  SCENARIOS,
  VERSION,
  versionOf,
} from "./torture_cases.ts";

/** How one fault is followed by others, from the first round on. */
const ROUNDS = ["once", "always", "twice"] as const;

/** Runs the harness. `only` is a scenario, or further a round, a call and an error: `fresh:1:17:EIO`. */
export async function failEachCall({ seed, n, only }: HarnessOptions, every = 1): Promise<Findings> {
  const findings = new Findings();
  for (const scenario of Object.keys(SCENARIOS)) {
    for (let round = 1; round <= n; round++) {
      if (!isWanted(`${scenario}:${round}`, only)) continue;
      const start = new Case(findings, `${scenario}:${round}`, SCENARIOS[scenario]!, seed + round - 1);
      const { calls } = await start.finish(await start.begin());
      for (const call of calls.filter(({ number }) => number % every === 0)) {
        for (const code of ERRORS[call.name] ?? []) {
          const name = `${scenario}:${round}:${call.number}:${code}`;
          if (!isWanted(name, only) || SCENARIOS[scenario]!.unseen?.has(code)) continue;
          const kind = ROUNDS[Math.min(round, ROUNDS.length) - 1]!;
          await new Case(findings, name, SCENARIOS[scenario]!, seed + round - 1).suffer(call, code, kind);
        }
      }
    }
  }
  return findings;
}

/** One download in which something fails, and what must hold. */
class Case {
  readonly #findings: Findings;
  readonly #name: string;
  readonly #scenario: Scenario;
  readonly #seed: number;
  /** Bytes that the last checkpoint claims, and those that its journal proves. */
  #saved = 0;
  /** Bytes that the last checkpoint claims. After a failed sync nothing else may be believed (fault 43). */
  #durable = 0;

  constructor(findings: Findings, name: string, scenario: Scenario, seed: number) {
    this.#findings = findings;
    this.#name = name;
    this.#scenario = scenario;
    this.#seed = seed;
  }

  /** What is there when the download begins. */
  async begin(): Promise<MemoryFiles> {
    const { stopAt, prepare, makesDirectory } = this.#scenario;
    let files = makesDirectory ? new MemoryFiles("/") : new MemoryFiles("/", DIRECTORY);
    if (stopAt !== undefined) {
      const ending = await this.#run(files, (call) => stopAt(call) ? "stop" : undefined);
      if (ending.kind !== "stopped") this.#fail("no beginning", "the earlier run was not stopped");
      files = files.crash(() => 0);
    }
    prepare?.(files);
    return files;
  }

  /** Lets a call fail, and then runs the download again. */
  async suffer(target: Call, code: string, kind: typeof ROUNDS[number]): Promise<void> {
    const files = await this.begin();
    this.#saved = this.#durable = 0;
    this.#save(files);
    const random = seededRandom(this.#seed + 1000 * target.number);
    const failed = new Set([target.name]);
    const second = target.number + 1 + Math.floor(random() * 40);
    const decide = (call: Call): Fate => {
      // The checkpoint before is over when the next one begins.
      if (call.name === "create" && call.path === `${CONTROL}.tmp`) this.#save(files);
      if (call.number === target.number && call.name !== target.name) this.#fail("not repeatable", call.name);
      if (call.number === target.number) return { fail: code };
      if (kind === "always" && call.number > target.number && call.name === target.name) {
        return { fail: code };
      }
      const others = ERRORS[call.name]?.filter((other) => !this.#scenario.unseen?.has(other)) ?? [];
      if (kind !== "twice" || call.number !== second || others.length === 0) return undefined;
      failed.add(call.name);
      return { fail: others[Math.floor(random() * others.length)]! };
    };
    const ending = await this.#run(files, decide);
    const { prepare, spec } = this.#scenario;
    const isRestart = prepare === damage || spec?.resume === false;
    const mayRestart = RESTARTS.has(code) || kind === "twice" || isRestart;
    this.#findings.add(`${target.name} failed`);
    this.#judge(files, ending, failed, mayRestart);
    const image = CHANGES.has(target.name) ? files.crash(random) : undefined;
    await this.finish(files);
    if (image === undefined) return;
    this.#inspect(image, "after a power loss");
    await this.finish(image);
  }

  /** Runs the download without a fault: now it must come to its end, if need be with the remedy that it names. */
  async finish(files: MemoryFiles): Promise<Ending> {
    const wasFinished = isWhole(files);
    let ending = await this.#run(files, () => undefined);
    if (!wasFinished && isRefused(ending) && /turn overwrite (?:or rename )?on$/.test(`${ending.error}`)) {
      this.#findings.add("remedied by overwriting");
      ending = await this.#run(files, () => undefined, { overwrite: true });
    }
    const { kind, error } = ending;
    if (!isWhole(files)) this.#fail("stuck", `${kind}: ${error}; ${listOf(files)}`);
    else if (kind === "done") this.#requireTidy(files);
    else if (!wasFinished || !isRefused(ending)) this.#fail("fails again", `${error}`);
    return ending;
  }

  #save(files: MemoryFiles): void {
    this.#saved = Math.max(this.#saved, provableBytes(files, FINAL, () => bytesOf(VERSION)) ?? 0);
    this.#durable = Math.max(this.#durable, claimedBytes(files, FINAL) ?? 0);
  }

  async #run(
    files: MemoryFiles,
    decide: (call: Call) => Fate,
    remedy: Partial<DownloadSpec> = {},
  ): Promise<Ending> {
    const server = new MemoryServer({ ...VERSION, maxChunk: 200_000, ...this.#scenario.server });
    const spec = { ...COMMON, ...this.#scenario.spec, ...remedy };
    const ending = await runDownload({ files, server, seed: this.#seed, spec, decide });
    this.#findings.add("runs");
    for (const leak of ending.leaks) this.#fail("left open", leak);
    if (ending.kind === "hung") this.#fail("hang", `after ${ending.elapsedMs} ms`);
    return ending;
  }

  #judge(
    files: MemoryFiles,
    { kind, error }: Ending,
    failed: ReadonlySet<string>,
    mayRestart: boolean,
  ): void {
    this.#inspect(files, "after the run");
    if (kind === "done") {
      this.#findings.add("done all the same");
      if (!isWhole(files)) this.#fail("wrong success", listOf(files));
      // A lock that cannot be removed stays, and is in nobody's way.
      this.#requireTidy(files, failed.has("remove") ? [`${FINAL}.bytehaul.lock`] : []);
    } else if (!(error instanceof DownloadError)) {
      this.#fail("untyped error", `${error}`);
    } else {
      this.#findings.add(`error ${error.code}`);
    }
    if (isWhole(files) || mayRestart) return;
    const claimed = provableBytes(files, FINAL, () => bytesOf(VERSION)) ?? 0;
    const least = failed.has("sync") ? this.#durable : this.#saved;
    if (claimed < least) {
      this.#fail("I5", `${claimed} bytes are claimed, ${least} were (${error})`);
    }
  }

  #inspect(files: MemoryFiles, when: string): void {
    const final = files.peek(FINAL);
    const isOld = this.#scenario.spec?.overwrite === true && isSame(final, bytesOf(OLD));
    if (final !== undefined && !isOld && !isWhole(files)) this.#fail("I2", when);
    const isPartOfNobody = files.peek(PART) !== undefined && files.peek(CONTROL) === undefined;
    if (isPartOfNobody && !isWhole(files)) this.#fail("part file of nobody", when);
    for (const range of wrongClaims(files, FINAL, versionOf)) {
      this.#fail("I3", `bytes ${range}, ${when}`);
    }
  }

  #requireTidy(files: MemoryFiles, allowed: readonly string[] = []): void {
    const others = files.list().filter((path) => ![FINAL, BAD, MISMATCH, ...allowed].includes(path));
    if (others.length > 0) this.#fail("left behind", others.join(", "));
  }

  #fail(kind: string, detail: string): void {
    this.#findings.fail(this.#name, kind, detail);
  }
}

function isRefused({ error }: Ending): boolean {
  return error instanceof DownloadError && error.code === "output_exists";
}

function listOf(files: MemoryFiles): string {
  return `there are ${files.list().join(", ") || "no files"}`;
}

/** `rel:torture`: every call that can fail does so once. */
export const torture: Harness = {
  name: "rel:torture",
  n: 1,
  run: async (options) => verdictOf(await failEachCall(options)),
};

if (import.meta.main) await runHarness(torture);
