/**
 * Many small files by a list, 16 at a time, from nginx on this machine: bytehaul on Deno and on Bun beside aria2, into
 * memory and onto the disk.
 *
 *     deno task bench:many [--files N] [--size KIB] [--rounds N] [--at-once N]
 */
import { existsSync } from "node:fs";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { assertFileIs, writeContentFile } from "../tests/helpers/content.ts";
import { startNginx } from "../tests/helpers/nginx.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../tests/helpers/temp.ts";
import { compete, installed, report } from "./contest.ts";

const KIB = 1024;
const SEED = 3;
const MEMORY_FOLDER = "/dev/shm";

const { values } = parseArgs({
  options: {
    "files": { type: "string", default: "1000" },
    "size": { type: "string", default: "100" },
    "rounds": { type: "string", default: "7" },
    "at-once": { type: "string", default: "16" },
  },
});
const size = Number(values.size) * KIB;
const rounds = Number(values.rounds);
const atOnce = values["at-once"];
const names = Array.from({ length: Number(values.files) }, (_, index) => `file${index}.bin`);
const cli = fileURLToPath(new URL("../cli.ts", import.meta.url));

const diskFolder = tmpdir();
await using onDisk = await temporaryDirectory();
if (existsSync(MEMORY_FOLDER)) process.env.TMPDIR = MEMORY_FOLDER;
await using inMemory = await temporaryDirectory();
const root = inMemory.join("www");
await mkdir(root);
for (const name of names) await writeContentFile(join(root, name), SEED, size);
await using nginx = await startNginx({ root, dir: inMemory.path });
if (nginx === undefined) throw new Error("Cannot run: nginx is not installed; apt-get install nginx-light");
const list = inMemory.join("list.txt");
await writeFile(list, names.map((name) => `${nginx.origin}/${name}\n`).join(""));

await race("into memory", inMemory);
await race(`onto the disk (${diskFolder})`, onDisk);

async function race(where: string, directory: TemporaryDirectory): Promise<void> {
  const output = directory.join("out");
  const args = [`-j${atOnce}`, "-q", "-d", output, "-i", list];
  const contenders = await installed([
    { name: "bytehaul (deno)", command: [Deno.execPath(), "run", "-A", cli, ...args] },
    { name: "bytehaul (bun)", command: ["bun", cli, ...args] },
    { name: `aria2c -j${atOnce}`, command: ["aria2c", ...args] },
  ]);
  const times = await compete(contenders, {
    rounds,
    check: async () => {
      const found = await readdir(output);
      if (found.length !== names.length) {
        throw new Error(`${found.length} of ${names.length} files are there`);
      }
      for (const name of names) await assertFileIs(join(output, name), SEED, size);
    },
    clear: () => rm(output, { recursive: true }),
  });
  process.stdout.write(
    `${names.length} files of ${
      size / KIB
    } KiB ${where}, ${atOnce} at once, median of ${rounds} after one to warm up:\n`,
  );
  report(times, () => contenders.at(-1)!.name);
}
