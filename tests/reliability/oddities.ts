// Downloads from servers that are odd at random: never wrong bytes with success, and what curl gets is got.
import { Buffer } from "node:buffer";
import process from "node:process";
import { temporaryDirectory } from "../helpers/temp.ts";
import { mayRefuse, type OddCase, plainWorks, simplerCases } from "./oddities_case.ts";
import { curl, findCurl } from "./oddities_curl.ts";
import { drawCase } from "./oddities_draw.ts";
import { OddServer } from "./oddities_server.ts";
import { shrink } from "./oddities_shrink.ts";
import { type FailureKind, tryCase } from "./oddities_trial.ts";
import { Dice } from "./run_dice.ts";
import { type Harness, type HarnessOptions, runHarness, runMany, type Verdict } from "./run_harness.ts";
import { Tally } from "./tally.ts";

const AT_ONCE = 8;
/** One case in so many is shown to curl, to prove what is said of plain requests. */
const CURL_EVERY = 10;
const SHRINK_TRIES = 120;
/** What is left after so long is told as it was drawn. */
const SHRINK_MS = 60_000;
/** A busy machine makes time-outs; one has to be seen again when it is so much longer. */
const PATIENCE = 10;

/** A case that failed, as simple as it gets. */
interface FailedCase {
  readonly index: number;
  readonly odd: OddCase;
  readonly kind: FailureKind;
  readonly detail: string;
}

async function checkCurl(odd: OddCase, tally: Tally): Promise<void> {
  await using directory = await temporaryDirectory();
  await using server = await OddServer.start(odd);
  const bytes = await curl(server.url, directory.join("out.bin"));
  const isRight = bytes !== undefined && Buffer.compare(bytes, server.bytes(1)) === 0;
  tally.add("curl asked");
  if (isRight !== plainWorks(odd) && mayRefuse(odd) === undefined) {
    throw new Error(`curl ${isRight ? "gets" : "does not get"} this one: ${caseFlag(odd)}`);
  }
}

function caseFlag(odd: OddCase): string {
  return `--case '${JSON.stringify(odd).replaceAll("'", "\\u0027")}'`;
}

/** Whether everything odd about `small` is odd about `large`, too. */
function isWithin(small: unknown, large: unknown): boolean {
  if (typeof small !== "object" || small === null) return Object.is(small, large);
  if (typeof large !== "object" || large === null) return false;
  if (Array.isArray(small)) {
    return Array.isArray(large) && small.every((one) => large.some((other) => isWithin(one, other)));
  }
  const other: Readonly<Record<string, unknown>> = { ...large };
  return Object.entries(small).every(([key, value]) => isWithin(value, other[key]));
}

/** What is odd about a case. */
function oddityOf({ size: _, connections: __, ...rest }: OddCase): object {
  return rest;
}

/** Makes each failure as simple as it gets, and says which ones are alike. */
async function explain(failed: readonly FailedCase[]): Promise<string[]> {
  const shrunk: FailedCase[] = [];
  const alike = new Map<FailedCase, number[]>();
  const startedMs = performance.now();
  for (const one of failed.toSorted((a, b) => a.index - b.index)) {
    const known = shrunk.find(({ odd, kind }) =>
      kind === one.kind && isWithin(oddityOf(odd), oddityOf(one.odd))
    );
    if (known !== undefined) {
      alike.get(known)!.push(one.index);
      continue;
    }
    const odd = await shrink(
      one.odd,
      simplerCases,
      async (simpler) => (await tryCase(simpler)).failure?.kind === one.kind,
      performance.now() - startedMs < SHRINK_MS ? SHRINK_TRIES : 0,
    );
    const { failure } = odd === one.odd ? { failure: one } : await tryCase(odd);
    const simplest = { ...one, odd, detail: failure?.detail ?? `${one.detail}, not every time` };
    shrunk.push(simplest);
    alike.set(simplest, [one.index]);
  }
  const classes = shrunk.toSorted((a, b) => alike.get(b)!.length - alike.get(a)!.length);
  const lines = classes.map((one) =>
    `run ${one.index}: ${one.kind} (${alike.get(one)!.length} runs): ${one.detail}; ${caseFlag(one.odd)}`
  );
  const others = classes.flatMap((one) =>
    alike.get(one)!.slice(1).map((index) => `run ${index}: ${one.kind}, as run ${one.index}`)
  );
  return [...lines, ...others];
}

async function runCase(
  odd: OddCase,
  index: number,
  tally: Tally,
  failed: FailedCase[],
  trace?: (line: string) => void,
): Promise<void> {
  let { end, failure } = await tryCase(odd, trace === undefined ? {} : { trace });
  // A server that counts connections counts those for a while that a stopped run has closed.
  const isHaste = failure?.kind === "not fetched: network" && odd.refusal !== undefined;
  if (failure?.kind === "not fetched: timeout" || isHaste) {
    ({ end, failure } = await tryCase(odd, { patience: PATIENCE }));
    if (failure === undefined) tally.add("late");
  }
  if (failure !== undefined) failed.push({ index, odd, ...failure });
  else tally.add(`end ${end}`);
}

/** `rel:oddities`: random odd servers, over raw sockets. */
export const oddities: Harness = {
  name: "rel:oddities",
  n: 200,
  async run(options: HarnessOptions): Promise<Verdict> {
    const tally = new Tally();
    const failed: FailedCase[] = [];
    const trace = options.only === undefined
      ? undefined
      : (line: string) => void process.stdout.write(`  ${line}\n`);
    const hasCurl = await findCurl() !== undefined;
    const problems = await runMany(options, AT_ONCE, async (index) => {
      const odd = drawCase(new Dice(options.seed, index));
      trace?.(caseFlag(odd));
      if (hasCurl && index % CURL_EVERY === 0) await checkCurl(odd, tally);
      await runCase(odd, index, tally, failed, trace);
    });
    const failures = [...problems, ...await explain(failed)];
    const wrong = failed.filter(({ kind }) => kind === "wrong bytes").length;
    const asked = hasCurl ? `curl asked ${tally.get("curl asked")} times` : "curl is not installed";
    return {
      figures: `${wrong} with wrong bytes; ${tally.show("end ")}; late ${tally.get("late")}; ${asked}`,
      failures,
    };
  },
};

/** Runs the one case that `--case` gives. */
async function runGiven(json: string): Promise<void> {
  const odd = JSON.parse(json) as OddCase;
  const { end, failure } = await tryCase(odd, { trace: (line) => void process.stdout.write(`  ${line}\n`) });
  process.stdout.write(failure === undefined ? `${end}\n` : `FAILED ${failure.kind}: ${failure.detail}\n`);
  if (failure !== undefined) process.exitCode = 1;
}

if (import.meta.main) {
  const at = process.argv.indexOf("--case");
  if (at < 0) await runHarness(oddities);
  else await runGiven(process.argv[at + 1] ?? "{}");
}
