/** Scenarios in which each downloader fetches one file, in a separate process. */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { assertFileIs, contentHash, writeContentFile } from "../testing/content.ts";
import type { Bench, Place } from "./bench.ts";
import { compete, type Result } from "./contest.ts";
import { MeasuredProcess, type Sample } from "./measure.ts";
import { type LinkShape, ShapedLink } from "./shaped_link.ts";
import type { Job, Tool } from "./tools.ts";
import { startWebServer, type WebServer } from "./web_server.ts";

const SEED = 1;
const FILE = "file.bin";
const MAX_SECONDS = 300;

/** A downloader with its flags. */
export interface Entrant {
  readonly name: string;
  readonly command: Tool["command"];
}

/** The file of a race, and how it is fetched. */
export interface OneFileRace {
  readonly size: number;
  readonly connections: number;
  /** @default {"memory"} */
  readonly place?: Place;
  readonly tls?: { readonly http2: boolean };
  /** The link between the server and each run; without it, a direct connection. */
  readonly link?: (connection: number) => LinkShape;
  /** Whether the entrants get the SHA-256 of the file. */
  readonly isVerified?: boolean;
  /** Time limit. With a limit, a run that reaches it is a result; without, an error. */
  readonly maxSeconds?: number;
  readonly rounds?: number;
  /** Additional figures of the scenario for a finished run. */
  readonly extra?: (sample: Sample, link: ShapedLink) => Readonly<Record<string, number>>;
}

/** A file, its server, and an output folder; one for each scenario. */
export class OneFile implements AsyncDisposable {
  readonly size: number;
  readonly #folder: string;
  readonly #server: WebServer;

  private constructor(size: number, folder: string, server: WebServer) {
    this.size = size;
    this.#folder = folder;
    this.#server = server;
  }

  /** Makes the file and starts the server. */
  static async open(
    bench: Bench,
    size: number,
    { place = "memory", tls }: Pick<OneFileRace, "place" | "tls"> = {},
  ): Promise<OneFile> {
    const dir = bench.folders.memory.path;
    const root = join(dir, "www");
    await mkdir(root);
    await writeContentFile(join(root, FILE), SEED, size);
    const server = await startWebServer({ root, dir, ...(tls === undefined ? {} : { tls }) });
    return new OneFile(size, bench.folders[place].path, server);
  }

  /** Where the server listens. */
  get port(): number {
    return Number(new URL(this.#server.origin).port);
  }

  /** The SHA-256 of the file in hexadecimal digits. */
  sha256(): string {
    return contentHash(SEED, this.size, "sha256");
  }

  /** Makes an empty folder, and returns a job for the server or for `link`. */
  async prepare(connections: number, link?: ShapedLink): Promise<Job> {
    const dir = join(this.#folder, "out");
    await mkdir(dir);
    const origin = link?.origin ?? this.#server.origin;
    return { url: `${origin}/${FILE}`, dir, file: FILE, connections, caCert: this.#server.caCert };
  }

  /** Compares each byte of the fetched file. */
  async check(job: Job): Promise<void> {
    await assertFileIs(join(job.dir, job.file), SEED, this.size);
  }

  /** Removes the files of a run. */
  async clear(job: Job): Promise<void> {
    await rm(job.dir, { recursive: true });
  }

  /** Starts a command. With `maxSeconds`, a command that reaches this limit is a result, not an error. */
  start(command: readonly string[], maxSeconds?: number): MeasuredProcess {
    return new MeasuredProcess(command, {
      dir: this.#folder,
      maxSeconds: maxSeconds ?? MAX_SECONDS,
      mayBeUnfinished: maxSeconds !== undefined,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}

/** Lets all entrants fetch the same file in turn. */
export async function race(
  bench: Bench,
  entrants: readonly Entrant[],
  options: OneFileRace,
): Promise<Result[]> {
  await using file = await OneFile.open(bench, options.size, options);
  const sha256 = options.isVerified ? file.sha256() : undefined;
  const contenders = entrants.map(({ name, command }) => ({
    name,
    run: async (isWarmUp: boolean): Promise<Sample> => {
      await using link = options.link && await ShapedLink.open(file.port, options.link);
      const job = await file.prepare(options.connections, link);
      const withDigits = sha256 === undefined ? job : { ...job, sha256 };
      const sample = await file.start(command(withDigits), options.maxSeconds).sample();
      if (isWarmUp && !sample.isUnfinished) await file.check(job);
      await file.clear(job);
      return link && options.extra ? { ...sample, extra: options.extra(sample, link) } : sample;
    },
  }));
  return await compete(contenders, bench.rounds(options.rounds));
}
