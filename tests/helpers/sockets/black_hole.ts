import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import process from "node:process";
import { clearTimeout, setTimeout } from "node:timers";
import { findNginx } from "../servers/nginx.ts";
import type { TemporaryDirectory } from "../temp.ts";
import { joinHostPort } from "../../../src/lib/ip_address.ts";
import { until } from "../until.ts";

/** How many connections the system accepts for a listener with the shortest queue. */
const QUEUE_LENGTH = 2;

/**
 * An address and a port that swallow whatever is sent there: nginx with the shortest queue of connections,
 * stopped, and its queue full. Further attempts to connect get no answer.
 */
export class BlackHole implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #sockets: readonly Socket[];
  readonly #exited: Promise<unknown>;

  private constructor(child: ChildProcess, exited: Promise<unknown>, sockets: readonly Socket[]) {
    this.#child = child;
    this.#exited = exited;
    this.#sockets = sockets;
  }

  /** Opens one; nginx must be installed. Its files are in `dir`. */
  static async open(dir: TemporaryDirectory, address: string, port: number): Promise<BlackHole> {
    const program = await findNginx();
    if (program === undefined) throw new Error("Cannot open a black hole: nginx is not installed");
    const name = `black-hole-${address.replaceAll(":", "_")}-${port}`;
    const path = (suffix: string): string => dir.join(`${name}.${suffix}`);
    const place = joinHostPort(address, port);
    const user = process.getuid?.() === 0 ? "user root;" : "";
    await writeFile(
      path("conf"),
      `${user} daemon off; master_process off; pid ${path("pid")}; error_log ${path("log")};
      events {} http { access_log off; server { listen ${place} backlog=1; } }`,
    );
    const child = spawn(program, ["-p", dir.path, "-c", path("conf")], { stdio: "ignore" });
    const exited = once(child, "exit");
    let text = "";
    const read = () => void readFile(path("pid"), "utf8").then((pid) => text = pid, () => {});
    await until(() => (read(), Number(text) === child.pid));
    process.kill(child.pid!, "SIGSTOP");
    const sockets = Array.from({ length: QUEUE_LENGTH }, () => connect(port, address));
    await Promise.all(sockets.map((socket) => once(socket, "connect")));
    return new BlackHole(child, exited, sockets);
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    process.kill(this.#child.pid!, "SIGKILL");
    const overdue = setTimeout(() => {}, 5000);
    await this.#exited;
    clearTimeout(overdue);
  }
}

/** Whether this machine can be reached at `::1`. */
export async function hasIpv6(): Promise<boolean> {
  const listener = createServer().listen(0, "::1");
  const isThere = await once(listener, "listening").then(() => true, () => false);
  if (isThere) await once(listener.close(), "close");
  return isThere;
}
