import { writeFile } from "node:fs/promises";
import { joinHostPort } from "../../../src/lib/ip_address.ts";
import type { Endpoint } from "../../../src/runtime/runtime.ts";
import { makeCertificate } from "../sockets/certificate.ts";
import { type Daemon, findProgram, freePort, startDaemon } from "./daemon.ts";
import type { TemporaryDirectory } from "../temp.ts";

const CANDIDATES = ["dnsdist", "/usr/bin/dnsdist", "/usr/local/bin/dnsdist"];

/** A running dnsdist that answers over HTTPS. */
export class Dnsdist implements AsyncDisposable {
  /** Where it is asked (RFC 8484). */
  readonly url: string;
  /** Path of the certificate of the authority to trust. */
  readonly caCert: string;
  readonly #daemon: Daemon;

  /** Takes over a started process. */
  constructor(url: string, caCert: string, daemon: Daemon) {
    this.url = url;
    this.caCert = caCert;
    this.#daemon = daemon;
  }

  /** Ends the process and waits until it has gone. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#daemon.stop();
  }
}

/** The program to run; `undefined` where dnsdist is not installed. */
export function findDnsdist(): Promise<string | undefined> {
  return findProgram(CANDIDATES);
}

/** Starts dnsdist, which must be installed, in front of a DNS server. Its files are in `dir`. */
export async function startDnsdist(dir: TemporaryDirectory, server: Endpoint): Promise<Dnsdist> {
  const program = await findDnsdist();
  if (program === undefined) throw new Error("Cannot start dnsdist: it is not installed");
  const { caCert, cert, key } = await makeCertificate(dir.path);
  const [port, plainPort] = [await freePort(), await freePort()];
  const config = dir.join("dnsdist.conf");
  await writeFile(
    config,
    `
setSecurityPollSuffix("")
setLocal("127.0.0.1:${plainPort}")
addDOHLocal("127.0.0.1:${port}", ${JSON.stringify(cert)}, ${JSON.stringify(key)}, "/dns-query")
newServer({ address = "${joinHostPort(server.address, server.port)}" }):setUp()
`,
  );
  const daemon = await startDaemon(program, ["--supervised", "--disable-syslog", "-C", config], port);
  return new Dnsdist(`https://127.0.0.1:${port}/dns-query`, caCert, daemon);
}
