// Downloads from a server that does everything wrong, at random: whatever is called completed is right.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import process from "node:process";
import { Downloader, DownloadError, type DownloadResult, type DownloadSpec } from "../../mod.ts";
import { temporaryDirectory } from "../helpers/temp.ts";
import { until } from "../helpers/until.ts";
import { Dice } from "./run_dice.ts";
import {
  type Harness,
  type HarnessOptions,
  runHarness,
  runMany,
  type Verdict,
  within,
} from "./run_harness.ts";
import { namesOf } from "./scenario_oracle.ts";
import { Scenario } from "./scenario_server.ts";
import { Tally } from "./tally.ts";

const AT_ONCE = 8;
const MAX_ATTEMPTS = 4;
/** Far more than the time-outs and the retries of one attempt come to, also on a busy machine. */
const ATTEMPT_MS = 20_000;

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
    const spec = scenario.spec(directory.join("out.bin"));
    trace(JSON.stringify(spec));
    const outcome = await attempt(scenario, spec, tally);
    if (!(outcome instanceof DownloadError)) {
      // An attempt before may have left what failed its checksum.
      const names = (await namesOf(spec.outputPath)).filter((name) => !name.endsWith(".mismatch"));
      if (names.length !== 1) throw new Error(`I7: a success left ${names.join(", ")}`);
      return;
    }
    const before = claimed;
    claimed = await scenario.witness.checkClaims(spec.outputPath);
    const isFair = scenario.keepsProgress && outcome.code !== "checksum_mismatch";
    if (isFair && claimed < before) throw new Error(`I5: ${before} bytes were claimed, now ${claimed}`);
  }
  // What is left was begun from another version, or a page: restarting must do.
  const isItsVersion = scenario.server.version.seed === 1 && scenario.server.version.size === scenario.size;
  if (scenario.checksum !== undefined && !isItsVersion) return tally.add("never again");
  const last = await attempt(scenario, { ...scenario.spec(directory.join("out.bin")), resume: false }, tally);
  if (last instanceof DownloadError) throw new Error(`an honest server did not help: ${last.message}`);
  tally.add("only anew");
}

/** `rel:faults`: random faults of the server, over real sockets. */
export const faults: Harness = {
  name: "rel:faults",
  n: 100,
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
