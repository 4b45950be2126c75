/**
 * One large file from nginx on this machine: bytehaul on Deno and on Bun beside the downloaders that are
 * installed, in turn, round after round, so that all meet the same conditions.
 *
 *     deno task bench [--size MIB] [--rounds N] [--connections N] [--sha256]
 */
import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { assertFileIs, contentHash, writeContentFile } from "../tests/helpers/content.ts";
import { startNginx } from "../tests/helpers/nginx.ts";
import { temporaryDirectory } from "../tests/helpers/temp.ts";
import { compete, installed, report } from "./contest.ts";

const MIB = 1024 * 1024;
const SEED = 1;
const MEMORY_FOLDER = "/dev/shm";

const { values } = parseArgs({
  options: {
    size: { type: "string", default: "1024" },
    rounds: { type: "string", default: "7" },
    connections: { type: "string", default: "4" },
    sha256: { type: "boolean", default: false },
  },
});
const size = Number(values.size) * MIB;
const rounds = Number(values.rounds);
const { connections } = values;

if (existsSync(MEMORY_FOLDER)) process.env.TMPDIR = MEMORY_FOLDER;
await using directory = await temporaryDirectory();
const root = directory.join("www");
await mkdir(root);
await writeContentFile(join(root, "file.bin"), SEED, size);
await using nginx = await startNginx({ root, dir: directory.path });
if (nginx === undefined) throw new Error("Cannot run: nginx is not installed; apt-get install nginx-light");

const url = `${nginx.origin}/file.bin`;
const output = directory.join("out.bin");
const checksum = values.sha256 ? [`sha256:${contentHash(SEED, size, "sha256")}`] : [];
const cli = fileURLToPath(new URL("../cli.ts", import.meta.url));
const ours = ["-q", "-x", connections, "-o", output, ...checksum.flatMap((it) => ["--checksum", it]), url];
const contenders = await installed([
  { name: "bytehaul (deno)", command: [Deno.execPath(), "run", "-A", cli, ...ours] },
  { name: "bytehaul (bun)", command: ["bun", cli, ...ours] },
  {
    name: `aria2c -x${connections}`,
    command: [
      ...["aria2c", "-q", `-x${connections}`, `-s${connections}`, "-d", directory.path, "-o", "out.bin"],
      ...checksum.map((it) => `--checksum=${it.replace("sha256:", "sha-256=")}`),
      url,
    ],
  },
  { name: "curl", command: ["curl", "-s", "-o", output, url] },
  { name: "wget", command: ["wget", "-q", "-O", output, url] },
]);

const times = await compete(contenders, {
  rounds,
  check: () => assertFileIs(output, SEED, size),
  clear: () => rm(output),
});
const what = checksum.length > 0 ? " and SHA-256 where the tool checks one" : "";
process.stdout.write(
  `${size / MIB} MiB, ${connections} connections${what}, median of ${rounds} after one to warm up:\n`,
);
report(times, () => contenders[0]!.name);
