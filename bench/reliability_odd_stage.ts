import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { OddCase } from "../tests/reliability/oddities_case.ts";
import { type Answer, RawServer } from "../tests/reliability/oddities_raw.ts";
import { OddServer } from "../tests/reliability/oddities_server.ts";
import { type End, judgeBytes, type Outcome, Run, runTool } from "./reliability_run.ts";
import { type Scenario, SIZE } from "./reliability_stage.ts";
import type { Job, Tool } from "./reliability_tools.ts";

/** Time for a tool to write received data to its files before it is interrupted. */
const SETTLE_MS = 500;
const SETTLED_WITHIN_MS = 3000;
const STATE = /\.(aria2|st|part|bytehaul|mismatch)$|\.bytehaul\./;

/** Settings of every server here. Each tool derives the same file name from this path. */
const USUAL: OddCase = { size: SIZE, connections: 4, path: "/out.bin" };

/** An odd server, and the right outcome. */
export interface OddScenario extends Scenario {
  /**
   * - `fetch`: the server can send the file, so only exact is right
   * - `either`: a tool may fetch the right bytes, or refuse for a good reason
   */
  readonly right: "fetch" | "either";
}

/** A tool fetches from the server of a case. */
export function odd(
  name: string,
  oddity: Partial<OddCase>,
  right: OddScenario["right"] = "fetch",
  job: Partial<Job> = {},
): OddScenario {
  return {
    name,
    right,
    run: async (tool, dir) => {
      if (oddity.length === "chunked" && tool.isHttp10) return { kind: "none", note: "speaks HTTP/1.0" };
      await using server = await OddServer.start({ ...USUAL, ...oddity });
      const checksum = oddity.checksum ? { sha256: server.sha256 } : {};
      const end = await runTool(tool, { url: server.url, dir, ...checksum, ...job });
      return await judgeFile(end, dir, [server.bytes()], job.isNamedByServer);
    },
  };
}

/** A first run is interrupted half-way, and a second one finishes the file. */
export function oddOnResume(name: string, oddity: Partial<OddCase>): OddScenario {
  return {
    name,
    right: "fetch",
    run: async (tool, dir) => {
      await using server = await OddServer.start({ ...USUAL, ...oddity });
      const job = { url: server.url, dir };
      await interrupt(server, tool, job);
      return await judgeFile(await runTool(tool, job), dir, [server.bytes()]);
    },
  };
}

async function interrupt(server: OddServer, tool: Tool, job: Job): Promise<void> {
  const held = server.holdAfter(SIZE / 2);
  await using run = new Run(tool, job);
  await Promise.race([held, run.ended]);
  await Promise.race([sleep(SETTLE_MS), run.ended]);
  run.signal("SIGINT");
  await Promise.race([run.ended, sleep(SETTLED_WITHIN_MS)]);
  run.signal("SIGKILL");
  await run.ended;
  server.release();
}

/** A tool fetches from a server with answers of its own. */
export function oddServer(
  name: string,
  make: (body: Uint8Array) => Answer,
  body: Uint8Array,
): OddScenario {
  return {
    name,
    right: "fetch",
    run: async (tool, dir) => {
      await using server = await RawServer.start(make(body));
      return await judgeFile(await runTool(tool, { url: `${server.origin}/out.bin`, dir }), dir, [body]);
    },
  };
}

/** Judges the only file that is not state. The note has its name if the server may choose it. */
async function judgeFile(
  end: End,
  dir: string,
  versions: readonly Uint8Array[],
  tellsName = false,
): Promise<Outcome> {
  const names = (await readdir(dir)).filter((name) => !STATE.test(name));
  const name = names.includes("out.bin") ? "out.bin" : names[0];
  const bytes = name === undefined ? undefined : await readFile(`${dir}/${name}`);
  const outcome = judgeBytes(end, bytes, versions);
  return tellsName && outcome.kind === "exact" && name !== "out.bin"
    ? { ...outcome, note: `named ${name}` }
    : outcome;
}
