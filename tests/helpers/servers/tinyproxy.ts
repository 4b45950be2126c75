import { readFile, writeFile } from "node:fs/promises";
import { type Daemon, findProgram, freePort, startDaemon } from "./daemon.ts";
import type { TemporaryDirectory } from "../temp.ts";

const CANDIDATES = ["tinyproxy", "/usr/bin/tinyproxy", "/usr/sbin/tinyproxy", "/usr/local/bin/tinyproxy"];

/** How tinyproxy is to behave. */
export interface TinyproxyOptions {
  /** Who may use it, everybody without; `user:password`. */
  readonly user?: string;
  /** The ports to which it opens tunnels; all without. */
  readonly tunnelPorts?: readonly number[];
}

/** A running tinyproxy. */
export class Tinyproxy implements AsyncDisposable {
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

  /** Its URL. */
  get url(): string {
    return `http://${this.host}`;
  }

  /** The request lines that it got. */
  async requests(): Promise<string[]> {
    const lines = (await readFile(this.#log, "utf8")).matchAll(/Request \(file descriptor \d+\): (.*)$/gm);
    return Array.from(lines, ([, line = ""]) => line);
  }

  /** Ends the process and waits until it has gone. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#daemon.stop();
  }
}

/** The program to run; `undefined` where tinyproxy is not installed. */
export function findTinyproxy(): Promise<string | undefined> {
  return findProgram(CANDIDATES);
}

/** Starts tinyproxy, which must be installed. Its files are in `dir`. */
export async function startTinyproxy(
  dir: TemporaryDirectory,
  { user, tunnelPorts = [] }: TinyproxyOptions = {},
): Promise<Tinyproxy> {
  const program = await findTinyproxy();
  if (program === undefined) throw new Error("Cannot start tinyproxy: it is not installed");
  const port = await freePort();
  const [config, log] = [dir.join(`tinyproxy-${port}.conf`), dir.join(`tinyproxy-${port}.log`)];
  const lines = [
    ...[`Port ${port}`, "Listen 127.0.0.1", "Allow 127.0.0.1", "MaxClients 200", "Timeout 60"],
    ...[`LogFile "${log}"`, "LogLevel Connect"],
    ...(user === undefined ? [] : [`BasicAuth ${user.replace(":", " ")}`]),
    ...tunnelPorts.map((allowed) => `ConnectPort ${allowed}`),
  ];
  await writeFile(config, `${lines.join("\n")}\n`);
  await writeFile(log, "");
  return new Tinyproxy(port, await startDaemon(program, ["-d", "-c", config], port), log);
}
