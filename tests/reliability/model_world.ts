import type { DownloadQueue } from "../../src/queue/download_queue.ts";
import { DownloadError, type DownloadHandle, type DownloadSpec } from "../../mod.ts";
import { contentHash } from "../../testing/content.ts";
import { FaultServer, type RecordedRequest, type Reply } from "../../testing/mod.ts";
import { fileWith, queueOn, runtimeWith, systemError } from "../helpers/doubles/runtime_double.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../helpers/temp.ts";
import { until } from "../helpers/until.ts";
import { ModelDisk } from "./model_disk.ts";
import type { RunStep, Sequence, ServerChange, Step } from "./model_steps.ts";
import { Dice } from "./run_dice.ts";
import { within } from "./run_harness.ts";
import { randomFault, versionWith } from "./scenario_faults.ts";
import { Witness } from "./scenario_oracle.ts";
import { SMALL_FILE } from "../helpers/small_file.ts";

/** For each connection, so that a run can be stopped in its middle. */
const BYTES_PER_SECOND = 8_000_000;
const RUN_MS = 20_000;
const FAULT_RATE = 0.3;
const KILLED = "the process was killed";

type Outcome = "completed" | DownloadError;

/** A server, a directory, and what is known of both. */
export class World implements AsyncDisposable {
  readonly #sequence: Sequence;
  readonly #root: TemporaryDirectory;
  readonly #disk: ModelDisk;
  readonly #witness = new Witness();
  #server!: FaultServer;
  #seed = 1;
  #reply: (request: RecordedRequest) => Reply = () => ({});

  private constructor(sequence: Sequence, root: TemporaryDirectory) {
    this.#sequence = sequence;
    this.#root = root;
    this.#disk = new ModelDisk(root.path);
  }

  /** Opens one with an empty directory. */
  static async open(sequence: Sequence): Promise<World> {
    const world = new World(sequence, await temporaryDirectory());
    world.#server = await FaultServer.start({
      ...versionWith(sequence.validators, 1, sequence.size),
      respond: (request) => {
        const reply = world.#reply(request);
        world.#witness.note(world.#server.version, reply);
        return reply;
      },
    });
    return world;
  }

  /** Does one step, and checks what must hold after each. */
  async take(step: Step): Promise<void> {
    switch (step.do) {
      case "run":
      case "two at once":
        await this.#runAndJudge(step);
        break;
      case "change":
        this.#change(step.to);
        break;
      case "control":
        await this.#disk.editControl(step.how, step.at);
        break;
      case "part":
        await this.#disk.editPart(step.how, step.at);
        break;
      case "final":
        await (step.how === "remove" ? this.#disk.removeFinal() : this.#disk.putFinal());
    }
    await this.#checkFinal();
  }

  /** Sees that an honest server, and at most a caller's word, bring the file in the end. */
  async finish(): Promise<void> {
    const step: RunStep = { do: "run", connections: 4, pieceSize: 65_536 };
    let outcome = await this.#runAndJudge(step);
    if (outcome === "completed" || await this.#disk.final() !== undefined) return;
    const { code } = outcome;
    if (code !== "output_exists" && code !== "control_file") throw new Error(`no end: ${outcome.message}`);
    if (code === "control_file") await this.#disk.editControl("remove", 0);
    outcome = await this.#runAndJudge({ ...step, overwrite: true });
    if (outcome !== "completed") throw new Error(`no end: ${outcome.message}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop();
    await this.#root[Symbol.asyncDispose]();
  }

  async #runAndJudge(step: RunStep): Promise<Outcome> {
    const claimed = await this.#claims();
    const [seed, wasForged, names] = [this.#seed, this.#disk.isForged, this.#disk.names()];
    const outcome = await this.#run(step);
    const isCompleted = outcome === "completed";
    await this.#disk.settleDoubts(isCompleted);
    this.#disk.checkNames(isCompleted ? outcome : outcome.message === KILLED ? "killed" : "failed", names);
    await this.#checkFinal();
    if (isCompleted || await this.#disk.final() !== undefined) return outcome;
    // Claims are of the first version for as long as the server has no other.
    const mayLose = step.resume === false || step.stop?.how === "discard" || step.do === "two at once" ||
      wasForged || seed !== 1 || this.#seed !== 1 || outcome.code === "checksum_mismatch";
    const left = await this.#claims();
    if (claimed !== undefined && left !== undefined && !mayLose && left < claimed) {
      throw new Error(`I5: ${claimed} bytes were saved, ${left} are left after "${outcome.message}"`);
    }
    return outcome;
  }

  async #run(step: RunStep): Promise<Outcome> {
    const server = this.#server;
    const sentBefore = server.bytesServed;
    const moment = (part: number) =>
      server.until(() => server.bytesServed - sentBefore >= part * server.version.size).catch(() => {});
    this.#reply = this.#faultyReply(step.faultSeed);
    await using queue = closing(this.#queue(step));
    const handle = queue.add(this.#spec(step));
    const rival = step.do === "two at once" ? queue.add(this.#spec(step)) : undefined;
    const over = handle.wait().then(() => {}, () => {});
    if (step.change !== undefined) {
      const { to } = step.change;
      void Promise.race([moment(step.change.at), over]).then(() => this.#change(to));
    }
    let wasPut: Promise<boolean> | undefined;
    if (step.putAt !== undefined) {
      wasPut = Promise.race([moment(step.putAt), over]).then(() => this.#disk.putFinal());
    }
    if (step.stop !== undefined) {
      await Promise.race([moment(step.stop.at), over]);
      if (step.stop.how === "kill") this.#disk.copy();
      if (step.stop.how === "pause") handle.pause();
      else handle.cancel({ discard: step.stop.how === "discard" });
    }
    const outcome = await outcomeOf(handle);
    if (rival !== undefined) {
      const other = await outcomeOf(rival);
      // With a checksum, the second of them may find the file of the first, or of an earlier run, and report success.
      const mayBoth = step.overwrite || step.hasChecksum;
      const areBoth = outcome === "completed" && other === "completed" && !mayBoth;
      if (areBoth) throw new Error("55: two downloads of one output both say that they completed");
    }
    if (await wasPut && outcome === "completed" && !step.overwrite) {
      throw new Error("48: a file that appeared under the final name was replaced");
    }
    await within(Promise.all([handle.closed, rival?.closed]), RUN_MS, "to close");
    await queue.close();
    await until(() => server.openConnections === 0).catch(() => {
      throw new Error(`I7: ${server.openConnections} connections are open`);
    });
    if (step.stop?.how !== "kill") return outcome;
    await this.#disk.moveToCopy();
    return new DownloadError("cancelled", KILLED);
  }

  #spec(step: RunStep): DownloadSpec {
    const { seed, size } = this.#server.version;
    return {
      url: this.#server.url,
      outputPath: this.#disk.output,
      ...SMALL_FILE,
      maxConnections: step.connections,
      pieceSize: step.pieceSize,
      controlSaveIntervalMs: 5,
      maxRetries: 2,
      retryMaxDelayMs: 5,
      connectTimeoutMs: step.faultSeed === undefined ? RUN_MS : 500,
      readTimeoutMs: step.faultSeed === undefined ? RUN_MS : 250,
      overwrite: step.overwrite ?? false,
      resume: step.resume ?? true,
      fileAllocation: step.prealloc ? "prealloc" : "none",
      ...(step.hasChecksum ? { checksum: `sha256:${contentHash(seed, size, "sha256")}` } : {}),
    };
  }

  /** On a disk that is full after a part of the file, or broken under the data. */
  #queue({ fullAt = Infinity, brokenAt = Infinity }: RunStep): DownloadQueue {
    const { size } = this.#server.version;
    let written = 0;
    const failureAt = (path: string): string | undefined => {
      if (written > fullAt * size) return "ENOSPC";
      return written > brokenAt * size && path.endsWith(".part") ? "EIO" : undefined;
    };
    return queueOn(runtimeWith({
      file: (file, path) =>
        fileWith(file, {
          write: (data, position) => {
            written += data.length;
            const code = failureAt(path);
            return code === undefined ? file.write(data, position) : Promise.reject(systemError(code));
          },
        }),
    }));
  }

  #faultyReply(seed: number | undefined): (request: RecordedRequest) => Reply {
    const slow: Reply = { throttle: BYTES_PER_SECOND };
    if (seed === undefined) return () => slow;
    const dice = new Dice(seed);
    return (request) => {
      if (!dice.chance(FAULT_RATE)) return slow;
      const { start, end } = request.range ?? { start: 0, end: this.#server.version.size };
      const { validators } = this.#sequence;
      const occasion = { dice, request, server: this.#server, validators, start, length: end - start };
      return { ...slow, ...randomFault("transient", occasion).reply };
    };
  }

  #change(to: ServerChange): void {
    const { size } = this.#server.version;
    if (to === "validator") {
      this.#seed += 1000;
      return this.#server.set({
        etag: `"${this.#seed}"`,
        lastModified: new Date(this.#seed * 1e9).toUTCString(),
      });
    }
    this.#seed++;
    const grown = to === "larger" ? size + 70_000 : to === "smaller" ? size - 70_000 : size;
    const validators = { etag: this.#sequence.validators === "date" ? null : `"${this.#seed}"` };
    this.#server.set({
      seed: this.#seed,
      size: grown,
      ...validators,
      lastModified: new Date(this.#seed * 1e9).toUTCString(),
    });
  }

  /** Bytes that the control file claims, all of which are there; `undefined` where somebody else changed something. */
  async #claims(): Promise<number | undefined> {
    return this.#disk.isDoubtful ? undefined : await this.#witness.checkClaims(this.#disk.output);
  }

  async #checkFinal(): Promise<void> {
    const bytes = await this.#disk.final();
    if (bytes === undefined || this.#disk.isMine(bytes) || this.#witness.find(bytes) !== undefined) return;
    throw new Error("I2: the final name has bytes that are of no one version");
  }
}

async function outcomeOf(handle: DownloadHandle): Promise<Outcome> {
  try {
    await within(handle.wait(), RUN_MS, "I6: a run");
    return "completed";
  } catch (error) {
    if (error instanceof DownloadError) return error;
    throw error;
  }
}

function closing(queue: DownloadQueue): DownloadQueue & AsyncDisposable {
  return Object.assign(queue, { [Symbol.asyncDispose]: () => queue.close() });
}
