// Kills the command at random moments, up to three times in a row, and finishes what is left.
import { readdir } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { Downloader } from "../../mod.ts";
import { Child } from "../helpers/child.ts";
import { assertFileIs, contentHash } from "../../testing/content.ts";
import { assertClaimsHold } from "../helpers/disk/control_file.ts";
import { FaultServer, type Reply } from "../../testing/mod.ts";
import { temporaryDirectory } from "../helpers/temp.ts";
import { until } from "../helpers/until.ts";
import { Dice } from "./run_dice.ts";
import { type Harness, type HarnessOptions, runHarness, runMany, type Verdict } from "./run_harness.ts";
import { percentile } from "./tally.ts";

/** As much is asked for once more, to compare it. */
const COMPARED_BYTES = 64 * 1024;
const SEED = 9;
/** Processes at a time. */
const AT_ONCE = 3;
/** For each connection, so that a download takes some tenths of a second. */
const BYTES_PER_SECOND = 2 * 2 ** 20;
const OWN_SUFFIXES = ["", ".part", ".bytehaul", ".bytehaul.tmp", ".bytehaul.lock"];

/** What the kills of one download came to. */
interface Killed {
  /** Kills before the file had its name. */
  inTime: number;
  /** Kills that found progress saved. */
  saved: number;
  /** Bytes that the server sent more than once. */
  readonly again: number;
}

/** Starts the command and kills it at a moment that the dice choose. */
async function killOnce(
  dice: Dice,
  server: FaultServer,
  size: number,
  args: readonly string[],
): Promise<void> {
  await using child = Child.bytehaul(args);
  const before = server.bytesServed;
  const kind = dice.fraction();
  if (kind < 0.7) {
    const moment = dice.between(1, size);
    await Promise.race([server.until(() => server.bytesServed - before >= moment), child.ended]);
  } else if (kind < 0.9) {
    // In the last bytes, and while the file is given its name.
    await Promise.race([server.until(() => server.bytesServed >= size), child.ended]);
    await Promise.race([sleep(dice.below(60)), child.ended]);
  } else await Promise.race([sleep(dice.below(600)), child.ended]);
  child.signal("SIGKILL");
  await child.ended;
}

async function killAndFinish(dice: Dice): Promise<Killed> {
  await using dir = await temporaryDirectory();
  const size = dice.between(1_200_000, 5_000_000);
  let reply: Reply = { throttle: BYTES_PER_SECOND };
  await using server = await FaultServer.start({ size, seed: SEED, respond: () => reply });
  const path = dir.join("out.bin");
  const checksum = dice.chance(0.3) ? ["--checksum", `sha256:${contentHash(SEED, size, "sha256")}`] : [];
  const args = [
    ...["-x", `${dice.between(1, 4)}`, "--min-split-size", "0", "--min-segment-size", "64k"],
    ...[
      "--piece-size",
      dice.pick(["16k", "64k", "1M"]),
      "--save-interval",
      dice.pick(["0.01", "0.2", "5"]),
    ],
    ...[...checksum, "-o", path, server.url],
  ];
  const kills = dice.between(1, 3);
  const killed = { inTime: 0, saved: 0 };
  let saved = 0;
  for (let kill = 0; kill < kills; kill++) {
    await killOnce(dice, server, size, args);
    const names = await readdir(dir.path);
    const strange = names.find((name) => !OWN_SUFFIXES.some((suffix) => name === `out.bin${suffix}`));
    if (strange !== undefined) throw new Error(`I7: ${strange} was left`);
    if (names.includes("out.bin")) {
      await assertFileIs(path, SEED, size);
      saved = size;
      break;
    }
    const claimed = await assertClaimsHold(path, SEED);
    if (claimed < saved) throw new Error(`I5: ${saved} bytes were saved, ${claimed} are left after a kill`);
    saved = claimed;
    killed.inTime++;
    if (saved > 0) killed.saved++;
  }
  // Nothing is sent any more to the one that was killed, whose connections Wine closes when it has the time.
  await until(() => server.openConnections === 0);
  const before = server.bytesServed;
  reply = {};
  // A file that has its name, and no part file any more, is finished; only the lock may be there still.
  const names = await readdir(dir.path);
  const isFinished = names.includes("out.bin") && !names.includes("out.bin.part");
  if (!isFinished) {
    await using downloader = new Downloader();
    await downloader.download({ url: server.url, outputPath: path }).wait();
  }
  await assertFileIs(path, SEED, size);
  const left = (await dir.list()).filter((name) => !isFinished || name !== "out.bin.bytehaul.lock");
  if (left.length !== 1) throw new Error(`I7: ${left.join(", ")} were left`);
  const fetched = server.bytesServed - before;
  // What is compared with what is there comes on top.
  if (fetched < size - saved || fetched > size - saved + COMPARED_BYTES) {
    throw new Error(`I4: ${size - saved} bytes were missing, ${fetched} were sent`);
  }
  return { ...killed, again: server.bytesServed - size };
}

/** `rel:kill9`: kills of the command, and exact files all the same. */
export const kill9: Harness = {
  name: "rel:kill9",
  n: 12,
  async run(options: HarnessOptions): Promise<Verdict> {
    const all: Killed[] = [];
    const failures = await runMany(options, AT_ONCE, async (index) => {
      all.push(await killAndFinish(new Dice(options.seed, index)));
    });
    const sum = (of: (one: Killed) => number) => all.reduce((total, one) => total + of(one), 0);
    const found = sum((one) => one.saved);
    if (options.only === undefined && found === 0) {
      failures.push("no kill found progress: nothing was proven");
    }
    const again = all.map((one) => one.again);
    const share = (part: number) => `${(percentile(again, part) / 1024).toFixed(0)} KiB`;
    return {
      figures:
        `${all.length} exact files after ${
          sum((one) => one.inTime)
        } kills, ${found} of which found progress; ` +
        `fetched again: p50 ${share(0.5)}, p95 ${share(0.95)}, max ${share(1)}`,
      failures,
    };
  },
};

if (import.meta.main) await runHarness(kill9);
