import type { Certificate } from "../sockets/certificate.ts";
import { type Daemon, findProgram, freePort, startDaemon } from "./daemon.ts";

const CANDIDATES = ["nghttpd", "/usr/sbin/nghttpd", "/usr/local/bin/nghttpd"];

/** A running nghttpd, which speaks HTTP/2 only. */
export class Nghttpd implements AsyncDisposable {
  /** Scheme, host and port; append `/name`. */
  readonly origin: string;
  readonly #daemon: Daemon;

  /** Takes over a started process. */
  constructor(port: number, daemon: Daemon) {
    this.origin = `https://127.0.0.1:${port}`;
    this.#daemon = daemon;
  }

  /** Ends the process and waits until it has gone. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#daemon.stop();
  }
}

/** The program to run; `undefined` where nghttpd is not installed. */
export function findNghttpd(): Promise<string | undefined> {
  return findProgram(CANDIDATES);
}

/** Starts nghttpd, which must be installed, for the files in `root`. */
export async function startNghttpd(root: string, { cert, key }: Certificate): Promise<Nghttpd> {
  const program = await findNghttpd();
  if (program === undefined) throw new Error("Cannot start nghttpd: it is not installed");
  const port = await freePort();
  const words = ["--address=127.0.0.1", `--htdocs=${root}`, `${port}`, key, cert];
  return new Nghttpd(port, await startDaemon(program, words, port));
}
