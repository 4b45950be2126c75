import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import process from "node:process";
import { collectGarbage } from "../helpers/garbage.ts";

/** Counts what a program begins and ends, from when it is made. */
export class Census {
  readonly workers = { started: 0, ended: 0 };
  readonly #timers = new Set<unknown>();

  constructor() {
    this.#watchWorkers();
    this.#watchTimers();
  }

  /** Timers that are still to come. */
  get timers(): number {
    return this.#timers.size;
  }

  #watchWorkers(): void {
    const { workers } = this;
    const watch = (Real: new (url: URL, options?: object) => { terminate(): unknown }) =>
      class extends Real {
        #isOver = false;

        constructor(url: URL, options?: object) {
          super(url, options);
          workers.started++;
        }

        override terminate(): unknown {
          if (!this.#isOver) workers.ended++;
          this.#isOver = true;
          return super.terminate();
        }
      };
    // Node has no `Worker` of the web.
    const home = "Worker" in globalThis ? globalThis : process.getBuiltinModule("node:worker_threads");
    Object.assign(home, { Worker: watch(home.Worker) });
  }

  #watchTimers(): void {
    const { setTimeout: set, clearTimeout: clear } = globalThis;
    const timers = this.#timers;
    const watched = (act: (...values: unknown[]) => void, ms?: number, ...values: unknown[]): unknown => {
      const timer = set(() => {
        timers.delete(timer);
        act(...values);
      }, ms);
      timers.add(timer);
      return timer;
    };
    Object.assign(globalThis, {
      setTimeout: watched,
      clearTimeout: (timer: Parameters<typeof clear>[0]) => {
        timers.delete(timer);
        clear(timer);
      },
    });
  }
}

/** The numbers of this machine's TCP sockets; the runtime itself opens others when it likes. */
function tcpSockets(): Set<string> {
  const lines = ["tcp", "tcp6"].flatMap((table) =>
    readFileSync(`/proc/self/net/${table}`, "utf8").split("\n")
  );
  return new Set(lines.map((line) => line.trim().split(/\s+/)[9] ?? ""));
}

/** Files and sockets that are open, numbers left out; `undefined` where the system does not tell. */
export function openDescriptors(): string[] | undefined {
  if (process.platform !== "linux") return undefined;
  const isTcp = tcpSockets();
  const targets = readdirSync("/proc/self/fd").map((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`);
    } catch {
      return ""; // it was the one for reading the directory
    }
  });
  return targets
    .filter((target) => target !== "" && !target.startsWith("/proc/"))
    .filter((target) => !target.startsWith("socket:") || isTcp.has(/\d+/.exec(target)?.[0] ?? ""))
    .map((target) => target.replace(/\d+/g, ""))
    .sort();
}

/** Bytes in use once garbage is collected. */
export interface Memory {
  readonly heap: number;
  readonly resident: number;
}

/** What is in use now. */
export function memoryInUse(): Memory {
  collectGarbage();
  collectGarbage();
  const { heapUsed, rss } = process.memoryUsage();
  return { heap: heapUsed, resident: rss };
}
