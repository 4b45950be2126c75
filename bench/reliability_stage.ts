import { setTimeout as sleep } from "node:timers/promises";
import { FaultServer, type RecordedRequest, type Reply } from "../testing/mod.ts";
import { judge, type Outcome, Run, runTool } from "./reliability_run.ts";
import type { Job, Tool } from "./reliability_tools.ts";

/** Four MiB, so that every tool with several connections opens four. */
export const SIZE = 4 * 2 ** 20;
/** The first version on the server, and the version that replaces it. */
export const OLD = 1;
export const NEW = 2;

const HALF = 1_500_000;
const PACE: Reply = { throttle: 1_000_000 };

/** A case that every tool runs. */
export interface Scenario {
  readonly name: string;
  readonly run: (tool: Tool, dir: string) => Promise<Outcome>;
}

/** A server of one file, and a tool that fetches the file into `dir`. */
export class Stage implements AsyncDisposable {
  readonly server: FaultServer;
  readonly tool: Tool;
  readonly job: Job;
  /** How the server answers later requests. */
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

  /** Starts a run. */
  start(): Run {
    return new Run(this.tool, this.job);
  }

  /** Waits until the server has sent `bytes` bytes, or `run` has ended. */
  async served(run: Run, bytes = HALF): Promise<void> {
    await Promise.race([
      this.server.until(() => this.server.bytesServed >= bytes).catch(() => {}),
      run.ended,
    ]);
  }

  /** Interrupts a first run after about half of the file, then makes the server correct again. */
  async interrupt(): Promise<void> {
    await using run = this.start();
    await this.served(run);
    run.signal("SIGINT");
    await Promise.race([run.ended, sleep(3000)]);
    run.signal("SIGKILL");
    await run.ended;
    this.respond = () => undefined;
  }

  /** Runs the tool to its end. Each of the versions `seeds` is right. */
  async finish(...seeds: readonly number[]): Promise<Outcome> {
    return await judge(await runTool(this.tool, this.job), this.path, seeds, SIZE);
  }

  /** As `finish`, and notes when the complete file was fetched again. */
  async goOn(): Promise<Outcome> {
    // Data in the kernel's buffers counts as sent, even if the tool disconnects early. At this rate it is
    // little.
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
