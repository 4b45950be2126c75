import { setTimeout as sleep } from "node:timers/promises";
import { FaultServer, type RecordedRequest, type Reply } from "../testing/mod.ts";
import { judge, type Outcome, Run, runTool } from "./reliability_run.ts";
import type { Job, Tool } from "./reliability_tools.ts";

/** Four pieces of a MiB, so that every tool with several connections opens four. */
export const SIZE = 4 * 2 ** 20;
/** The version that the server has first, and the one that takes its place. */
export const OLD = 1;
export const NEW = 2;

const HALF = 1_500_000;
const PACE: Reply = { throttle: 1_000_000 };

/** A case that every tool is put to. */
export interface Scenario {
  readonly name: string;
  readonly run: (tool: Tool, dir: string) => Promise<Outcome>;
}

/** A server of one file and a tool that is to fetch it into `dir`. */
export class Stage implements AsyncDisposable {
  readonly server: FaultServer;
  readonly tool: Tool;
  readonly job: Job;
  /** What the server does with a request from now on. */
  respond: (request: RecordedRequest) => Reply | undefined;

  private constructor(server: FaultServer, tool: Tool, job: Job, respond: Stage["respond"]) {
    this.server = server;
    this.tool = tool;
    this.job = job;
    this.respond = respond;
  }

  static async open(
    tool: Tool,
    dir: string,
    respond: Stage["respond"] = () => PACE,
    job: Partial<Job> = {},
  ): Promise<Stage> {
    const server = await FaultServer.start({
      size: SIZE,
      seed: OLD,
      respond: (request) => stage.respond(request),
    });
    const stage = new Stage(
      server,
      tool,
      { url: server.url.replace("file.bin", "out.bin"), dir, ...job },
      respond,
    );
    return stage;
  }

  get path(): string {
    return `${this.job.dir}/out.bin`;
  }

  /** Begins a run. */
  start(): Run {
    return new Run(this.tool, this.job);
  }

  /** Waits until the server has sent so much to `run`, or it is over. */
  async served(run: Run, bytes = HALF): Promise<void> {
    await Promise.race([
      this.server.until(() => this.server.bytesServed >= bytes).catch(() => {}),
      run.ended,
    ]);
  }

  /** Lets a first run get about half of the file before it is interrupted, and the server well again. */
  async interrupt(): Promise<void> {
    await using run = this.start();
    await this.served(run);
    run.signal("SIGINT");
    await Promise.race([run.ended, sleep(3000)]);
    run.signal("SIGKILL");
    await run.ended;
    this.respond = () => undefined;
  }

  /** Runs to the end; right is one of the versions `seeds`. */
  async finish(...seeds: readonly number[]): Promise<Outcome> {
    return await judge(await runTool(this.tool, this.job), this.path, seeds, SIZE);
  }

  /** As `finish`, and notes when the whole file was fetched once more. */
  async goOn(): Promise<Outcome> {
    // What the kernel holds for a tool that hangs up early counts as sent, and is little at this rate.
    this.respond = () => ({ throttle: 4_000_000 });
    const before = this.server.bytesServed;
    const outcome = await this.finish(OLD);
    const isAnew = outcome.kind === "exact" && this.server.bytesServed - before >= SIZE;
    return isAnew ? { ...outcome, note: "from scratch" } : outcome;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.server.stop();
  }
}
