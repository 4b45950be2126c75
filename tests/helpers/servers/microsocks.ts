import { readFile } from "node:fs/promises";
import { type Daemon, findProgram, freePort, startDaemon } from "./daemon.ts";
import type { TemporaryDirectory } from "../temp.ts";

const CANDIDATES = ["microsocks", "/usr/bin/microsocks", "/usr/local/bin/microsocks"];

/** A running microsocks. */
export class Microsocks implements AsyncDisposable {
  /** Where it listens, as `127.0.0.1:port`. */
  readonly host: string;
  readonly #daemon: Daemon;
  readonly #log: string;

  /** Takes over a started process. */
  constructor(port: number, daemon: Daemon, log: string) {
    this.host = `127.0.0.1:${port}`;
    this.#daemon = daemon;
    this.#log = log;
  }

  /** The connections that it made, as `host:port`; the host is what it was asked for, a name or an address. */
  async connections(): Promise<string[]> {
    const lines = (await readFile(this.#log, "utf8")).matchAll(/: connected to (\S+)$/gm);
    return Array.from(lines, ([, target = ""]) => target);
  }

  /** Ends the process and waits until it has gone. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#daemon.stop();
  }
}

/** The program to run; `undefined` where microsocks is not installed. */
export function findMicrosocks(): Promise<string | undefined> {
  return findProgram(CANDIDATES);
}

/** Starts microsocks, which must be installed, for everybody or for one `user:password`. Its log is in `dir`. */
export async function startMicrosocks(dir: TemporaryDirectory, user?: string): Promise<Microsocks> {
  const program = await findMicrosocks();
  if (program === undefined) throw new Error("Cannot start microsocks: it is not installed");
  const port = await freePort();
  const log = dir.join(`microsocks-${port}.log`);
  const [name, password] = user?.split(":") ?? [];
  const words = ["-i", "127.0.0.1", "-p", `${port}`];
  if (name !== undefined && password !== undefined) words.push("-u", name, "-P", password);
  return new Microsocks(port, await startDaemon(program, words, port, log), log);
}
