import { Buffer } from "node:buffer";
import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { copyFile, readFile, rename, rm, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { removeTree } from "../helpers/temp.ts";
import type { Step } from "./model_steps.ts";

const MINE = "mine";
const NEWER_VERSION = 99;
/** What may be beside a file: the last one is what was damaged and set aside. */
const OWN_SUFFIXES = ["", ".part", ".bytehaul", ".bytehaul.bad", ".mismatch"];
/** What a process that was killed may leave besides. */
const KILLED_SUFFIXES = [".bytehaul.lock", ".bytehaul.tmp"];

/** The directory of one download, and what somebody else did in it. */
export class ModelDisk {
  readonly #root: string;
  #place = 0;
  /** What somebody wrote into the control file, while it is there. */
  #forged: Uint8Array | undefined;
  /** The control file beside a part file that somebody changed: no run has looked at that yet. */
  #doubted: Uint8Array | undefined;

  /** Makes an empty one in `root`. */
  constructor(root: string) {
    this.#root = root;
    mkdirSync(this.#directory);
  }

  get output(): string {
    return join(this.#directory, "out.bin");
  }

  get isForged(): boolean {
    return this.#forged !== undefined;
  }

  /** Whether a control file may claim what is not there, because somebody else changed something. */
  get isDoubtful(): boolean {
    return this.#forged !== undefined || this.#doubted !== undefined;
  }

  get #directory(): string {
    return join(this.#root, `${this.#place}`);
  }

  /** The suffixes of what is there. */
  names(): string[] {
    return readdirSync(this.#directory).map((name) => name.replace("out.bin", ""));
  }

  /** The file under the final name. */
  async final(): Promise<Uint8Array | undefined> {
    return await readOrNothing(this.output);
  }

  /** Copies what is there at this moment, the control file first: like this it is never newer than the data. */
  copy(): void {
    const target = join(this.#root, `${this.#place + 1}`);
    mkdirSync(target);
    const names = readdirSync(this.#directory).sort((a, b) =>
      Number(b.endsWith("haul")) - Number(a.endsWith("haul"))
    );
    for (const name of names) {
      const from = join(this.#directory, name);
      if (existsSync(from)) copyFileSync(from, join(target, name));
    }
  }

  /** Goes on with what was copied. */
  async moveToCopy(): Promise<void> {
    await removeTree(this.#directory);
    this.#place++;
  }

  async editControl(how: (Step & { do: "control" })["how"], at: number): Promise<void> {
    const path = `${this.output}.bytehaul`;
    const bytes = await readOrNothing(path);
    if (bytes === undefined || bytes.length === 0) return;
    this.#forged = undefined;
    if (how === "remove") return await rm(path);
    const place = Math.floor(at * bytes.length);
    let forged = Uint8Array.from(bytes);
    if (how === "flip") forged[place]! ^= 1 << place % 8;
    if (how === "cut") forged = forged.slice(0, place);
    if (how === "rubbish") forged.fill(place, 8);
    if (how === "newer" && forged.length >= 12) new DataView(forged.buffer).setUint32(8, NEWER_VERSION);
    await writeFile(path, forged);
    this.#forged = forged;
  }

  async editPart(how: (Step & { do: "part" })["how"], at: number): Promise<void> {
    const path = `${this.output}.part`;
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
    this.#doubted = await readOrNothing(`${this.output}.bytehaul`);
  }

  async removeFinal(): Promise<void> {
    await rm(this.output, { force: true });
  }

  /** Makes a file of the final name, at once so that no copy has half of it; whether there was none. */
  putFinal(): boolean {
    try {
      writeFileSync(this.output, MINE, { flag: "wx" });
      return true;
    } catch {
      return false;
    }
  }

  /** Whether the final name has a file that is not of a download. */
  isMine(bytes: Uint8Array): boolean {
    return Buffer.from(bytes).toString("latin1") === MINE;
  }

  /** Looks at the control file after a run: one that saved progress has looked at what it found. */
  async settleDoubts(isCompleted: boolean): Promise<void> {
    const control = await readOrNothing(`${this.output}.bytehaul`);
    const isStill = (known: Uint8Array | undefined) =>
      known !== undefined && control !== undefined && Buffer.compare(known, control) === 0;
    const forged = this.#forged;
    const isNewer = forged !== undefined && forged.length >= 12 &&
      new DataView(forged.buffer).getUint32(8) === NEWER_VERSION;
    if (isNewer && !isStill(forged)) throw new Error("63: a newer control file was changed or removed");
    if (isNewer && isCompleted) throw new Error("63: a newer control file was passed over");
    if (!isStill(forged)) this.#forged = undefined;
    if (!isStill(this.#doubted)) this.#doubted = undefined;
  }

  /** Checks what a run left. What a killed process left may stay until another one gets as far as it did. */
  checkNames(end: "completed" | "killed" | "failed", before: readonly string[]): void {
    const isAllowed = (name: string) => {
      if (end === "completed") return ["", ".bytehaul.bad", ".mismatch"].includes(name);
      if (OWN_SUFFIXES.includes(name)) return true;
      return KILLED_SUFFIXES.includes(name) && (end === "killed" || before.includes(name));
    };
    const strange = this.names().filter((name) => !isAllowed(name));
    if (strange.length > 0) throw new Error(`I7: a run left ${strange.join(", ")}`);
  }
}

async function readOrNothing(path: string): Promise<Uint8Array | undefined> {
  return await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}
