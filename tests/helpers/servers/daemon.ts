import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { connect, createServer } from "node:net";
import process from "node:process";
import { clearTimeout, setTimeout } from "node:timers";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const PROBE_TIMEOUT_MS = 5_000;
const START_TIMEOUT_MS = 30_000;
const START_POLL_MS = 10;
const STOP_TIMEOUT_MS = 5_000;
const PORT_ATTEMPTS = 10;

/** A server program that runs in the foreground, as a child of this process. */
export class Daemon implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  readonly #kill: () => void;

  /** Takes over a started process. */
  constructor(child: ChildProcess, exited: Promise<void>) {
    this.#child = child;
    this.#exited = exited;
    this.#kill = () => void child.kill("SIGKILL");
    // A test that forgets to stop it neither hangs nor leaves it behind.
    child.unref();
    process.once("exit", this.#kill);
  }

  /** Ends the process and waits until it has gone. */
  async stop(): Promise<void> {
    this.#child.ref();
    this.#child.kill();
    const overdue = setTimeout(this.#kill, STOP_TIMEOUT_MS);
    await this.#exited;
    clearTimeout(overdue);
    process.removeListener("exit", this.#kill);
  }

  /** Same as {@linkcode Daemon.stop}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** The first of these programs that runs; `undefined` where none is installed. */
export async function findProgram(candidates: readonly string[]): Promise<string | undefined> {
  for (const program of candidates) {
    try {
      await promisify(execFile)(program, ["--version"], { timeout: PROBE_TIMEOUT_MS });
      return program;
    } catch (error) {
      // One that does not know the option ends with a status, and was there to do so.
      if (error instanceof Error && "code" in error && typeof error.code === "number") return program;
    }
  }
  return undefined;
}

/**
 * Starts a program that is to listen on a TCP port of 127.0.0.1, and waits until it does. What it says goes to the
 * file `log`, if there is one; `env` is added to its environment.
 */
export function startDaemon(
  program: string,
  words: readonly string[],
  port: number,
  log?: string,
  env?: Readonly<Record<string, string>>,
): Promise<Daemon> {
  return startDaemonWhen(() => isListening(port), program, words, log, env);
}

/** As `startDaemon`, for a program that tells otherwise that it listens; `isReady` gets its process number. */
export async function startDaemonWhen(
  isReady: (pid: number) => Promise<boolean>,
  program: string,
  words: readonly string[],
  log?: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Daemon> {
  const output = log === undefined ? "ignore" : openSync(log, "a");
  const child = spawn(program, words, {
    stdio: ["ignore", output, output],
    env: { ...process.env, ...env },
  });
  if (typeof output === "number") closeSync(output);
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  let isGone = false;
  void exited.then(() => isGone = true);
  const giveUpMs = performance.now() + START_TIMEOUT_MS;
  while (!isGone && performance.now() < giveUpMs) {
    if (await isReady(child.pid!)) return new Daemon(child, exited);
    await sleep(START_POLL_MS);
  }
  child.kill("SIGKILL");
  throw new Error(`Cannot start ${program}: it ${isGone ? "ended" : "does not listen"}`);
}

/** A port of 127.0.0.1 that is free for TCP and for UDP. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < PORT_ATTEMPTS; attempt++) {
    const datagrams = createSocket("udp4").bind(0, "127.0.0.1");
    await once(datagrams, "listening");
    const { port } = datagrams.address();
    const listener = createServer().listen(port, "127.0.0.1");
    const isFree = await once(listener, "listening").then(() => true, () => false);
    if (isFree) await once(listener.close(), "close");
    datagrams.close();
    if (isFree) return port;
  }
  throw new Error("Cannot find a port that is free for TCP and for UDP");
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
