/**
 * What the servers have in common that tests start beside our own: files that a test puts there.
 *
 * @module
 */
import { mkdir, rename, utimes } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { writeContentFile } from "../../../testing/content.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../temp.ts";

/** When files were last modified if a test says nothing: so long ago that the second of it is over. */
const LONG_AGO = new Date("2020-02-02T20:20:20Z");

/** What else is to be known of a file. */
export interface PutOptions {
  /** When it was last modified; stores that take a file over the network do not let it be told. */
  readonly modified?: Date;
  /** Fields that a store is told with the file; a directory has none. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A server program, and files in it. */
export interface RealServer extends AsyncDisposable {
  /** URL of the place where its files are; append `/name`. */
  readonly url: string;
  /** URL of the proxy that stands before it, if that is what is looked at. */
  readonly proxy?: string;
  /** Makes a file of the first `size` bytes of the content `seed`, or puts it in the place of another. */
  put(name: string, seed: number, size: number, options?: PutOptions): Promise<void>;
}

/** Makes the file `path` in one step: who reads the former one reads on in it. */
export async function putFile(
  path: string,
  seed: number,
  size: number,
  { modified = LONG_AGO }: PutOptions = {},
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const draft = join(dirname(path), `.${basename(path)}.draft`);
  await writeContentFile(draft, seed, size);
  await utimes(draft, modified, modified);
  await rename(draft, path);
}

/** A process to be stopped. */
interface Stoppable {
  stop(): Promise<void>;
}

/** A server of the files in a directory. Its own files are beside that. */
export class DirectoryServer implements RealServer {
  readonly url: string;
  readonly #daemon: Stoppable;
  readonly #dir: TemporaryDirectory;

  /** Takes over a started process and its directory. */
  constructor(url: string, daemon: Stoppable, dir: TemporaryDirectory) {
    this.url = url;
    this.#daemon = daemon;
    this.#dir = dir;
  }

  /** Starts one; `start` gets the directory whose `www` is served. */
  static async start(
    start: (
      dir: TemporaryDirectory,
      root: string,
    ) => Promise<{ readonly daemon: Stoppable; readonly url: string }>,
  ): Promise<DirectoryServer> {
    const dir = await temporaryDirectory();
    try {
      await mkdir(dir.join("www"));
      const { daemon, url } = await start(dir, dir.join("www"));
      return new DirectoryServer(url, daemon, dir);
    } catch (error) {
      await dir[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The directory that is served. */
  get root(): string {
    return this.#dir.join("www");
  }

  put(name: string, seed: number, size: number, options?: PutOptions): Promise<void> {
    return putFile(join(this.root, name), seed, size, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#daemon.stop();
    await this.#dir[Symbol.asyncDispose]();
  }
}
