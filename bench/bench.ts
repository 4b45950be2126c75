/** Types that all scenarios use. */
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import process from "node:process";
import { type TemporaryDirectory, temporaryDirectory } from "../tests/helpers/temp.ts";
import type { Result } from "./contest.ts";
import type { Tool } from "./tools.ts";

const MEMORY_FOLDER = "/dev/shm";
const ROUNDS = 7;

/** Where a file is written. */
export type Place = "memory" | "disk";

/** Both places. */
export const PLACES: readonly Place[] = ["memory", "disk"];

/** The places in words. */
export const INTO: Readonly<Record<Place, string>> = { memory: "into memory", disk: "onto the disk" };

/** The outcome of a scenario. */
export interface Table {
  /** Description of the runs, on one line. */
  readonly title: string;
  /** Notes that a reader needs to understand the figures. */
  readonly notes: readonly string[];
  readonly results: readonly Result[];
}

/** One thing to measure. */
export interface Scenario {
  readonly name: string;
  /** Description for `--list`, on one line. */
  readonly summary: string;
  readonly run: (bench: Bench) => Promise<Table>;
}

/** Folders, tools and settings that a scenario uses. */
export class Bench implements AsyncDisposable {
  readonly tools: readonly Tool[];
  readonly folders: Readonly<Record<Place, TemporaryDirectory>>;
  /** Names of the places in a title. */
  readonly places: Readonly<Record<Place, string>>;
  readonly #rounds: number | undefined;
  readonly #scale: number;

  private constructor(
    tools: readonly Tool[],
    folders: Record<Place, TemporaryDirectory>,
    places: Record<Place, string>,
    options: BenchOptions,
  ) {
    this.tools = tools;
    this.folders = folders;
    this.places = places;
    this.#rounds = options.rounds;
    this.#scale = options.scale;
  }

  /** Makes empty folders. */
  static async open(tools: readonly Tool[], options: BenchOptions): Promise<Bench> {
    const diskFolder = tmpdir();
    const disk = await temporaryDirectory();
    const hasMemory = existsSync(MEMORY_FOLDER);
    const before = process.env.TMPDIR;
    if (hasMemory) process.env.TMPDIR = MEMORY_FOLDER;
    const memory = await temporaryDirectory();
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
    const places = {
      memory: hasMemory ? INTO.memory : `into ${diskFolder}, as there is no folder in memory`,
      disk: `${INTO.disk} (${diskFolder})`,
    };
    return new Bench(tools, { memory, disk }, places, options);
  }

  /** Number of rounds that count. */
  rounds(usual: number = ROUNDS): number {
    return this.#rounds ?? usual;
  }

  /** The scaled size, in full bytes. */
  scaled(size: number): number {
    return Math.max(1, Math.round(size * this.#scale));
  }

  /** Removes the folders with their contents. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.folders.memory[Symbol.asyncDispose]();
    await this.folders.disk[Symbol.asyncDispose]();
  }
}

/** Settings from the command line. */
export interface BenchOptions {
  /** Replaces the number of rounds of each scenario. */
  readonly rounds: number | undefined;
  /** Factor for the sizes of files. */
  readonly scale: number;
}

/** A size as text: `1 GiB`, `102.4 MiB`. */
export function formatSize(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${Number((bytes / 1024 ** power).toFixed(1))} ${units[power]}`;
}
