import { writeFile } from "node:fs/promises";
import { type Daemon, findProgram, freePort, startDaemon } from "./daemon.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../temp.ts";

/** A running Varnish before another server. */
export interface Varnish extends AsyncDisposable {
  /** Scheme, host and port. */
  readonly origin: string;
  /** Makes it forget a file; it answers from its memory otherwise. */
  forget(path: string): Promise<void>;
}

/** The program to run; `undefined` where Varnish is not installed. */
export function findVarnish(): Promise<string | undefined> {
  return findProgram(["varnishd", "/usr/sbin/varnishd"]);
}

/**
 * Starts Varnish, which must be installed, before the server at `origin`. With `passes` it keeps nothing and passes each
 * request on.
 */
export async function startVarnish(origin: string, passes = false): Promise<Varnish> {
  const program = await findVarnish();
  if (program === undefined) throw new Error("Cannot start Varnish: it is not installed");
  const dir = await temporaryDirectory();
  const port = await freePort();
  const { hostname, port: originPort } = new URL(origin);
  await writeFile(
    dir.join("default.vcl"),
    `vcl 4.1;
backend default { .host = "${hostname}"; .port = "${originPort}"; }
sub vcl_recv {
  if (req.method == "PURGE") { return (purge); }
  ${passes ? "return (pass);" : ""}
}
sub vcl_hash {
  hash_data(req.url);
  return (lookup);
}
`,
  );
  const words = [
    ...["-F", "-f", dir.join("default.vcl"), "-a", `127.0.0.1:${port}`, "-n", dir.join("state")],
    ...["-s", "malloc,64m", "-T", "none", "-j", "none"],
  ];
  return new RunningVarnish(port, await startDaemon(program, words, port, dir.join("output.log")), dir);
}

class RunningVarnish implements Varnish {
  readonly origin: string;
  readonly #daemon: Daemon;
  readonly #dir: TemporaryDirectory;

  constructor(port: number, daemon: Daemon, dir: TemporaryDirectory) {
    this.origin = `http://127.0.0.1:${port}`;
    this.#daemon = daemon;
    this.#dir = dir;
  }

  async forget(path: string): Promise<void> {
    const response = await fetch(this.origin + path, { method: "PURGE" });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`Cannot forget ${path}: Varnish answered ${response.status}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#daemon.stop();
    await this.#dir[Symbol.asyncDispose]();
  }
}
