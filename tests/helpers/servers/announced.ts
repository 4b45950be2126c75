import { readFile, rm } from "node:fs/promises";
import { type Daemon, startDaemonWhen } from "./daemon.ts";

const ADDRESS = /127\.0\.0\.1:([1-9]\d*)\D/;

/** A server that says where it listens. */
export interface Announced {
  readonly daemon: Daemon;
  /** Scheme, host and port. */
  readonly url: string;
}

/**
 * Starts a program that takes any free port of 127.0.0.1 and says which, and waits until it does. What it says goes to
 * the file `log`, in the place of what an earlier one said. One that takes seconds to start would find another server on a port that was free before.
 */
export async function startAnnounced(
  program: string,
  words: readonly string[],
  log: string,
  env?: Readonly<Record<string, string>>,
): Promise<Announced> {
  await rm(log, { force: true });
  const find = async (): Promise<string | undefined> =>
    ADDRESS.exec(await readFile(log, "utf8").catch(() => ""))?.[1];
  const daemon = await startDaemonWhen(async () => await find() !== undefined, program, words, log, env);
  return { daemon, url: `http://127.0.0.1:${await find()}` };
}
