/**
 * What the ways to a server cost: one large file from nginx on this machine, directly, through the relay that custom DNS
 * needs, and through tinyproxy, on Deno and on Bun.
 *
 *     deno task bench:network [--size MIB] [--rounds N] [--connections N]
 */
import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { assertFileIs, writeContentFile } from "../tests/helpers/content.ts";
import { DNSMASQ_DOMAIN, findDnsmasq, startDnsmasq } from "../tests/helpers/dnsmasq.ts";
import { startNginx } from "../tests/helpers/nginx.ts";
import { temporaryDirectory } from "../tests/helpers/temp.ts";
import { findTinyproxy, startTinyproxy } from "../tests/helpers/tinyproxy.ts";
import { compete, installed, report } from "./contest.ts";

const MIB = 1024 * 1024;
const SEED = 2;
const MEMORY_FOLDER = "/dev/shm";
const HOST = `files.${DNSMASQ_DOMAIN}`;

const { values } = parseArgs({
  options: {
    size: { type: "string", default: "512" },
    rounds: { type: "string", default: "7" },
    connections: { type: "string", default: "4" },
  },
});
const size = Number(values.size) * MIB;
const rounds = Number(values.rounds);
const { connections } = values;

if (existsSync(MEMORY_FOLDER)) process.env.TMPDIR = MEMORY_FOLDER;
for (const [program, find] of [["dnsmasq", findDnsmasq], ["tinyproxy", findTinyproxy]] as const) {
  if (await find() === undefined) throw new Error(`Cannot run: ${program} is not installed`);
}
await using directory = await temporaryDirectory();
const root = directory.join("www");
await mkdir(root);
await writeContentFile(join(root, "file.bin"), SEED, size);
await using nginx = await startNginx({ root, dir: directory.path });
if (nginx === undefined) throw new Error("Cannot run: nginx is not installed; apt-get install nginx-light");
await using dns = await startDnsmasq({ dir: directory, hosts: { [HOST]: ["127.0.0.1"] }, ttlSeconds: 60 });
await using tinyproxy = await startTinyproxy(directory);

const output = directory.join("out.bin");
const direct = `${nginx.origin}/file.bin`;
const named = direct.replace("127.0.0.1", HOST);
const ways = {
  directly: [direct],
  "with a DNS server": ["--dns", `${dns.endpoint.address}:${dns.endpoint.port}`, named],
  "through tinyproxy": ["--proxy", tinyproxy.url, direct],
};
const cli = fileURLToPath(new URL("../cli.ts", import.meta.url));
const runtimes = { deno: [Deno.execPath(), "run", "-A", cli], bun: ["bun", cli] };
const contenders = await installed(
  Object.entries(runtimes).flatMap(([runtime, command]) =>
    Object.entries(ways).map(([way, args]) => ({
      name: `${runtime} ${way}`,
      command: [...command, "-q", "-x", connections, "-o", output, ...args],
    }))
  ),
);
const times = await compete(contenders, {
  rounds,
  check: () => assertFileIs(output, SEED, size),
  clear: () => rm(output),
});
process.stdout.write(
  `${size / MIB} MiB, ${connections} connections, median of ${rounds} after one to warm up:\n`,
);
report(times, (name) => `${name.split(" ")[0]} directly`);
