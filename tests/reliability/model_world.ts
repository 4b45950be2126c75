import { Buffer } from "node:buffer";
import { copyFileSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import { copyFile, readFile, rename, rm, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { DownloadQueue } from "../../src/download_queue.ts";
import type { DownloadHandle } from "../../mod.ts";
import { DownloadError, type DownloadSpec } from "../../mod.ts";
import { contentHash } from "../helpers/content.ts";
import { FaultServer, type RecordedRequest, type Reply } from "../helpers/fault_server.ts";
import { fileWith, queueOn, runtimeWith, systemError } from "../helpers/runtime_double.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../helpers/temp.ts";
import { until } from "../helpers/until.ts";
import type { RunStep, Sequence, ServerChange, Step } from "./model_steps.ts";
import { Dice } from "./run_dice.ts";
import { within } from "./run_harness.ts";
import { randomFault, versionWith } from "./scenario_faults.ts";
import { Witness } from "./scenario_oracle.ts";

/** For each connection, so that a run can be stopped in its middle. */
const BYTES_PER_SECOND = 8_000_000;
const RUN_MS = 20_000;
const MINE = "mine";
const FAULT_RATE = 0.3;
/** What may be beside a file: the last one is what was damaged and set aside. */
const OWN_SUFFIXES = ["", ".part", ".bytehaul", ".bytehaul.bad"];
/** What a process that was killed may leave besides. */
const KILLED_SUFFIXES = [".bytehaul.lock", ".bytehaul.tmp"];

type Outcome = "completed" | DownloadError;

/** A server, a directory, and what is known of both. */
export class World implements AsyncDisposable {
  readonly #sequence: Sequence;
  readonly #root: TemporaryDirectory;
  readonly #witness = new Witness();
  #server!: FaultServer;
  #place = 0;
  #seed = 1;
  #reply: (request: RecordedRequest) => Reply = () => ({});
  /** What somebody wrote into the control file, while it is there. */
  #forged: Uint8Array | undefined;
  /** The control file beside a part file that somebody changed: no run has looked at that yet. */
  #doubted: Uint8Array | undefined;
  #wasKilled = false;

  private constructor(sequence: Sequence, root: TemporaryDirectory) {
    this.#sequence = sequence;
    this.#root = root;
  }

  /** Opens one with an empty directory. */
  static async open(sequence: Sequence): Promise<World> {
    const world = new World(sequence, await temporaryDirectory());
    mkdirSync(world.#directory);
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

  get #directory(): string {
    return this.#root.join(`${this.#place}`);
  }

  get #output(): string {
    return join(this.#directory, "out.bin");
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
        await this.#editControl(step.how, step.at);
        break;
      case "part":
        await this.#editPart(step.how, step.at);
        break;
      case "final":
        await (step.how === "remove" ? rm(this.#output, { force: true }) : this.#put());
    }
    await this.#checkFinal();
  }

  /** Sees that an honest server, and at most a caller's word, bring the file in the end. */
  async finish(): Promise<void> {
    const step: RunStep = { do: "run", connections: 4, pieceSize: 65_536 };
    let outcome = await this.#runAndJudge(step);
    if (outcome === "completed" || await this.#hasFinal()) return;
    const { code } = outcome;
    if (code !== "output_exists" && code !== "control_file") throw new Error(`no end: ${outcome.message}`);
    if (code === "control_file") await this.#editControl("remove", 0);
    outcome = await this.#runAndJudge({ ...step, overwrite: true });
    if (outcome !== "completed") throw new Error(`no end: ${outcome.message}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop();
    await this.#root[Symbol.asyncDispose]();
  }

  async #runAndJudge(step: RunStep): Promise<Outcome> {
    const claimed = await this.#claims();
    const seed = this.#seed;
    const isForged = this.#forged !== undefined;
    const namesBefore = this.#names();
    const outcome = await this.#run(step);
    await this.#settleDoubts(outcome);
    await this.#checkNames(outcome, namesBefore);
    if (outcome === "completed") return outcome;
    const mayLose = step.resume === false || step.stop?.how === "discard" || step.do === "two at once" ||
      isForged || this.#seed !== seed || outcome.code === "checksum_mismatch";
    const left = await this.#hasFinal() ? undefined : await this.#claims();
    if (
      claimed !== undefined && left !== undefined && !mayLose && this.#claimsAreOf(seed) && left < claimed
    ) {
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
    await using queue = closing(this.#queue(step.fullAt));
    const handle = queue.add(this.#spec(step));
    const rival = step.do === "two at once" ? queue.add(this.#spec(step)) : undefined;
    const over = handle.wait().then(() => {}, () => {});
    if (step.change !== undefined) {
      const { to } = step.change;
      void Promise.race([moment(step.change.at), over]).then(() => this.#change(to));
    }
    let killedAt: number | undefined;
    if (step.stop !== undefined) {
      await Promise.race([moment(step.stop.at), over]);
      if (step.stop.how === "kill") killedAt = this.#copy();
      if (step.stop.how === "pause") handle.pause();
      else handle.cancel({ discard: step.stop.how === "discard" });
    }
    const outcome = await outcomeOf(handle);
    if (rival !== undefined) {
      const other = await outcomeOf(rival);
      const areBoth = outcome === "completed" && other === "completed" && !step.overwrite;
      if (areBoth) throw new Error("55: two downloads of one output both say that they completed");
    }
    await within(Promise.all([handle.closed, rival?.closed]), RUN_MS, "to close");
    await queue.close();
    await until(() => server.openConnections === 0).catch(() => {
      throw new Error(`I7: ${server.openConnections} connections are open`);
    });
    this.#wasKilled = killedAt !== undefined;
    if (killedAt === undefined) return outcome;
    await rm(this.#directory, { recursive: true });
    this.#place = killedAt;
    return new DownloadError("cancelled", "the process was killed");
  }

  #spec(step: RunStep): DownloadSpec {
    const { seed, size } = this.#server.version;
    return {
      url: this.#server.url,
      outputPath: this.#output,
      maxConnections: step.connections,
      pieceSize: step.pieceSize,
      minSplitSize: 0,
      minSegmentSize: 16_384,
      controlSaveIntervalMs: 5,
      maxRetries: 2,
      retryBaseDelayMs: 1,
      retryMaxDelayMs: 5,
      connectTimeoutMs: 500,
      readTimeoutMs: 250,
      overwrite: step.overwrite ?? false,
      resume: step.resume ?? true,
      fileAllocation: step.prealloc ? "prealloc" : "none",
      ...(step.hasChecksum ? { checksum: `sha256:${contentHash(seed, size, "sha256")}` } : {}),
    };
  }

  /** On a disk that is full after a part of the file, for control files as well. */
  #queue(fullAt: number | undefined): DownloadQueue {
    let room = fullAt === undefined ? Infinity : fullAt * this.#server.version.size;
    return queueOn(runtimeWith({
      file: (file) =>
        fileWith(file, {
          write: (data, position) => {
            room -= data.length;
            return room < 0 ? Promise.reject(systemError("ENOSPC")) : file.write(data, position);
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

  /** What is on the disk at this moment, the control file first: like this it is never newer than the data. */
  #copy(): number {
    const next = this.#place + 1;
    const target = this.#root.join(`${next}`);
    mkdirSync(target);
    const names = readdirSync(this.#directory).sort((a, b) =>
      Number(b.endsWith("haul")) - Number(a.endsWith("haul"))
    );
    for (const name of names) {
      const from = join(this.#directory, name);
      if (existsSync(from)) copyFileSync(from, join(target, name));
    }
    return next;
  }

  async #editControl(how: (Step & { do: "control" })["how"], at: number): Promise<void> {
    const path = `${this.#output}.bytehaul`;
    const bytes = await readOrNothing(path);
    if (bytes === undefined || bytes.length === 0) return;
    this.#forged = undefined;
    if (how === "remove") return await rm(path);
    const place = Math.floor(at * bytes.length);
    let forged = Uint8Array.from(bytes);
    if (how === "flip") forged[place]! ^= 1 << place % 8;
    if (how === "cut") forged = forged.slice(0, place);
    if (how === "rubbish") forged.fill(place, 8);
    if (how === "newer") new DataView(forged.buffer).setUint32(8, 99);
    await writeFile(path, forged);
    this.#forged = forged;
  }

  async #editPart(how: (Step & { do: "part" })["how"], at: number): Promise<void> {
    const path = `${this.#output}.part`;
    const info = await stat(path).catch(() => undefined);
    if (info === undefined) return;
    const place = Math.floor(at * info.size);
    if (how === "remove") await rm(path);
    if (how === "cut") await truncate(path, place);
    if (how === "grow") await writeFile(path, "more", { flag: "a" });
    if (how === "flip" || how === "swap") {
      const bytes = await readFile(path);
      if (how === "swap") bytes.fill(place);
      else if (bytes.length > 0) bytes[place]! ^= 1;
      await writeFile(path, bytes);
    }
    if (how === "copy") {
      await copyFile(path, `${path}.copy`);
      await rename(`${path}.copy`, path);
    }
    // Whoever sets the clock back as well cannot be noticed.
    const later = new Date(info.mtimeMs + 5000);
    if (how !== "remove") await utimes(path, later, later);
    this.#doubted = await readOrNothing(`${this.#output}.bytehaul`);
  }

  async #put(): Promise<void> {
    if (!await this.#hasFinal()) await writeFile(this.#output, MINE);
  }

  async #hasFinal(): Promise<boolean> {
    return await readOrNothing(this.#output) !== undefined;
  }

  /** A run that saved progress has looked at what it found. */
  async #settleDoubts(outcome: Outcome): Promise<void> {
    const control = await readOrNothing(`${this.#output}.bytehaul`);
    const isStill = (known: Uint8Array | undefined) =>
      known !== undefined && control !== undefined && Buffer.compare(known, control) === 0;
    const wasNewer = this.#forged !== undefined && new DataView(this.#forged.buffer).getUint32(8) === 99;
    if (wasNewer && !isStill(this.#forged)) {
      throw new Error("63: a newer control file was changed or removed");
    }
    if (wasNewer && outcome === "completed") throw new Error("63: a newer control file was passed over");
    if (!isStill(this.#forged)) this.#forged = undefined;
    if (!isStill(this.#doubted)) this.#doubted = undefined;
  }

  /** Bytes that the control file claims, all of which are there; `undefined` where somebody else changed something. */
  async #claims(): Promise<number | undefined> {
    if (this.#forged !== undefined || this.#doubted !== undefined) return undefined;
    return await this.#witness.checkClaims(this.#output);
  }

  /** Whether nothing on the server changed since the seed was this, so that claims must last. */
  #claimsAreOf(seed: number): boolean {
    return seed === 1;
  }

  async #checkFinal(): Promise<void> {
    const bytes = await readOrNothing(this.#output);
    if (bytes === undefined || Buffer.from(bytes).toString("latin1") === MINE) return;
    if (this.#witness.find(bytes) === undefined) {
      throw new Error("I2: the final name has bytes that are of no one version");
    }
  }

  #names(): string[] {
    return readdirSync(this.#directory).map((name) => name.replace("out.bin", ""));
  }

  /** What a killed process left may stay until another one gets as far as it did. */
  async #checkNames(outcome: Outcome, before: readonly string[]): Promise<void> {
    const isKilled = this.#wasKilled;
    const isAllowed = (name: string) =>
      OWN_SUFFIXES.includes(name) || (KILLED_SUFFIXES.includes(name) && (isKilled || before.includes(name)));
    const strange = this.#names().filter((name) =>
      outcome === "completed" ? !["", ".bytehaul.bad"].includes(name) : !isAllowed(name)
    );
    if (strange.length > 0) throw new Error(`I7: a run left ${strange.join(", ")}`);
    await this.#checkFinal();
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

async function readOrNothing(path: string): Promise<Uint8Array | undefined> {
  return await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}
