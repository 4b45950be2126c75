import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { assertFileIs, writeContentFile } from "../../testing/content.ts";
import { type Bench, formatSize, INTO, type Place, PLACES, type Scenario } from "../bench.ts";
import { compete, type Result } from "../contest.ts";
import { MeasuredProcess, type Sample } from "../measure.ts";
import { startWebServer } from "../web_server.ts";

const FILES = 1000;
const SIZE = 100 * 1024;
const AT_ONCE = 16;
const SEED = 3;
const MAX_SECONDS = 300;

/** Small files from a list. */
export const many: readonly Scenario[] = PLACES.map((place) => ({
  name: `many-${place}`,
  summary: `${FILES} files of ${formatSize(SIZE)} by a list, ${AT_ONCE} at once, ${INTO[place]}`,
  run: async (bench) => {
    const count = bench.scaled(FILES);
    return {
      title: `${count} files of ${formatSize(SIZE)} ${bench.places[place]}, ${AT_ONCE} at once`,
      notes: ["wget fetches one after the other."],
      results: await raceMany(bench, place, count),
    };
  },
}));

async function raceMany(bench: Bench, place: Place, count: number): Promise<Result[]> {
  const dir = bench.folders.memory.path;
  const root = join(dir, "www");
  await mkdir(root);
  const names = Array.from({ length: count }, (_, index) => `file${index}.bin`);
  for (const name of names) await writeContentFile(join(root, name), SEED, SIZE);
  await using server = await startWebServer({ root, dir });
  const list = join(dir, "list.txt");
  const curlConfig = join(dir, "curl.txt");
  const url = (name: string): string => `${server.origin}/${name}`;
  await writeFile(list, names.map((name) => `${url(name)}\n`).join(""));
  await writeFile(curlConfig, names.map((name) => `url = "${url(name)}"\noutput = "${name}"\n`).join(""));

  const output = join(bench.folders[place].path, "out");
  const run = async (command: readonly string[], isWarmUp: boolean): Promise<Sample> => {
    await mkdir(output);
    const sample = await new MeasuredProcess(command, { dir, maxSeconds: MAX_SECONDS }).sample();
    if (isWarmUp) await check(output, names);
    await rm(output, { recursive: true });
    return sample;
  };
  const contenders = bench.tools.flatMap(({ name, listCommand }) => {
    const command = listCommand?.({ list, curlConfig, dir: output, atOnce: AT_ONCE });
    return command === undefined ? [] : [{ name, run: (isWarmUp: boolean) => run(command, isWarmUp) }];
  });
  return await compete(contenders, bench.rounds());
}

async function check(dir: string, names: readonly string[]): Promise<void> {
  const found = await readdir(dir);
  if (found.length !== names.length) throw new Error(`${found.length} of ${names.length} files are there`);
  for (const name of names) await assertFileIs(join(dir, name), SEED, SIZE);
}
