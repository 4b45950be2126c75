import { writeFile } from "node:fs/promises";
import process from "node:process";
import { type Daemon, findProgram, freePort, startDaemon } from "./daemon.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../temp.ts";

/** The program to run; `undefined` where squid is not installed. */
export function findSquid(): Promise<string | undefined> {
  return findProgram(["squid", "/usr/sbin/squid"]);
}

/** A running squid: a proxy that keeps nothing. */
export class Squid implements AsyncDisposable {
  /** Its URL. */
  readonly url: string;
  readonly #daemon: Daemon;
  readonly #dir: TemporaryDirectory;

  private constructor(port: number, daemon: Daemon, dir: TemporaryDirectory) {
    this.url = `http://127.0.0.1:${port}`;
    this.#daemon = daemon;
    this.#dir = dir;
  }

  /** Starts squid, which must be installed. It answers 403 to whoever has more than `connections` open. */
  static async start(connections: number): Promise<Squid> {
    const program = await findSquid();
    if (program === undefined) throw new Error("Cannot start squid: it is not installed");
    const dir = await temporaryDirectory();
    const port = await freePort();
    const lines = [
      ...[`http_port 127.0.0.1:${port}`, "pid_filename none", "cache_log /dev/null", "access_log none"],
      ...["coredump_dir /", "pinger_enable off", "shutdown_lifetime 0 seconds", "max_filedescriptors 1024"],
      ...[
        "cache deny all",
        `acl many maxconn ${connections}`,
        "http_access deny many",
        "http_access allow all",
      ],
      // It refuses to run as root.
      ...(process.getuid?.() === 0 ? ["cache_effective_user proxy"] : []),
    ];
    await writeFile(dir.join("squid.conf"), `${lines.join("\n")}\n`);
    // The name is that of its shared memory, too, which two of them must not share.
    const words = ["-N", "-n", `bytehaul${port}`, "-f", dir.join("squid.conf")];
    return new Squid(port, await startDaemon(program, words, port, dir.join("output.log")), dir);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#daemon.stop();
    await this.#dir[Symbol.asyncDispose]();
  }
}
