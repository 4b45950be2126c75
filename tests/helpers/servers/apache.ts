import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { findProgram, freePort, startDaemon } from "./daemon.ts";
import { findInstalled } from "./installed_servers.ts";
import { DirectoryServer } from "./real_server.ts";

const MODULES = "/usr/lib/apache2/modules";
const EVASIVE = "mod_evasive20.so";

/** What Apache is to do beside serving files. */
export interface ApacheOptions {
  /**
   * Requests for one file that mod_evasive lets pass in a second; it refuses the others, and all that follow within a
   * second of one that it refused.
   */
  readonly requestsPerSecond?: number;
}

/** The program to run; `undefined` where Apache is not installed. */
export async function findApache(): Promise<string | undefined> {
  return existsSync(MODULES) ? await findProgram(["apache2", "/usr/sbin/apache2"]) : undefined;
}

/** The module that refuses who asks too often; `undefined` where it is not installed. */
export async function findModEvasive(): Promise<string | undefined> {
  const own = `${MODULES}/${EVASIVE}`;
  return existsSync(own) ? own : await findInstalled("debian", ...MODULES.split("/").slice(1), EVASIVE);
}

/** Starts Apache, which must be installed. It says of `.gz` and `.tgz` what many configurations say. */
export function startApache({ requestsPerSecond }: ApacheOptions = {}): Promise<DirectoryServer> {
  return DirectoryServer.start(async (dir, root) => {
    const program = await findApache();
    if (program === undefined) throw new Error("Cannot start Apache: it is not installed");
    const port = await freePort();
    const limit = requestsPerSecond === undefined ? [] : [
      `LoadModule evasive20_module "${await findModEvasive()}"`,
      `DOSPageCount ${requestsPerSecond}`,
      ...["DOSSiteCount 1000", "DOSPageInterval 1", "DOSSiteInterval 1", "DOSBlockingPeriod 1"],
      `DOSLogDir "${dir.path}"`,
    ];
    const modules = ["mpm_event", "authz_core", "mime"];
    const lines = [
      ...[`ServerRoot "${dir.path}"`, `DefaultRuntimeDir "${dir.path}"`, `PidFile "${dir.join("pid")}"`],
      ...[`Listen 127.0.0.1:${port}`, "ServerName 127.0.0.1", `ErrorLog "${dir.join("error.log")}"`],
      ...modules.map((name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`),
      ...["TypesConfig /dev/null", "AddType application/x-tar .tar", "AddEncoding x-gzip .gz .tgz"],
      ...[`DocumentRoot "${root}"`, `<Directory "${root}">`, "Require all granted", "</Directory>"],
      ...limit,
    ];
    await writeFile(dir.join("apache.conf"), `${lines.join("\n")}\n`);
    const words = ["-X", "-f", dir.join("apache.conf")];
    const daemon = await startDaemon(program, words, port, dir.join("output.log"));
    return { daemon, url: `http://127.0.0.1:${port}` };
  });
}
