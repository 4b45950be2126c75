import { readFile, writeFile } from "node:fs/promises";
import type { Endpoint } from "../../../src/runtime/runtime.ts";
import { type Daemon, findProgram, freePort, startDaemon } from "./daemon.ts";
import type { TemporaryDirectory } from "../temp.ts";

const CANDIDATES = ["dnsmasq", "/usr/sbin/dnsmasq", "/usr/local/sbin/dnsmasq"];

/** The domain in which only the names that a test gives exist. */
export const DNSMASQ_DOMAIN = "bytehaul.test";

/** What dnsmasq is to know. */
export interface DnsmasqOptions {
  /** For configuration and log; it has to outlive the server. */
  readonly dir: TemporaryDirectory;
  /** Names with their addresses of either family. */
  readonly hosts: Readonly<Record<string, readonly string[]>>;
  /** Names that are other names for a host. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** How long each answer holds. */
  readonly ttlSeconds: number;
}

/** A running dnsmasq. */
export class Dnsmasq implements AsyncDisposable {
  /** Where it listens, over UDP and TCP. */
  readonly endpoint: Endpoint;
  readonly #daemon: Daemon;
  readonly #log: string;

  /** Takes over a started process. */
  constructor(endpoint: Endpoint, daemon: Daemon, log: string) {
    this.endpoint = endpoint;
    this.#daemon = daemon;
    this.#log = log;
  }

  /** The questions that it got, as `A name`. */
  async questions(): Promise<string[]> {
    const lines = (await readFile(this.#log, "utf8")).matchAll(/query\[(\w+)\] (\S+) from/g);
    return Array.from(lines, ([, type, name]) => `${type} ${name}`);
  }

  /** Ends the process and waits until it has gone. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#daemon.stop();
  }
}

/** The program to run; `undefined` where dnsmasq is not installed. */
export function findDnsmasq(): Promise<string | undefined> {
  return findProgram(CANDIDATES);
}

/** Starts dnsmasq; it must be installed. */
export async function startDnsmasq(options: DnsmasqOptions): Promise<Dnsmasq> {
  const { dir, hosts, aliases = {}, ttlSeconds } = options;
  const program = await findDnsmasq();
  if (program === undefined) throw new Error("Cannot start dnsmasq: it is not installed");
  const [config, names, log] = [dir.join("dnsmasq.conf"), dir.join("hosts"), dir.join("dnsmasq.log")];
  const lines = Object.entries(hosts).flatMap(([name, addresses]) => addresses.map((it) => `${it} ${name}`));
  await writeFile(names, `${lines.join("\n")}\n`);
  const port = await freePort();
  await writeFile(
    config,
    [
      ...["keep-in-foreground", "no-hosts", "no-resolv", "no-poll", "bind-interfaces", "log-queries"],
      ...["user=", "group=", "pid-file=", "listen-address=127.0.0.1"],
      ...[`port=${port}`, `addn-hosts=${names}`, `log-facility=${log}`, `local-ttl=${ttlSeconds}`],
      `local=/${DNSMASQ_DOMAIN}/`,
      ...Object.entries(aliases).map(([alias, name]) => `cname=${alias},${name}`),
      "",
    ].join("\n"),
  );
  const daemon = await startDaemon(program, [`--conf-file=${config}`], port);
  return new Dnsmasq({ address: "127.0.0.1", port }, daemon, log);
}
