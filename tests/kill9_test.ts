import assert from "node:assert/strict";
import { test } from "node:test";
import { Downloader } from "../mod.ts";
import { Child } from "./helpers/child.ts";
import { assertFileIs, seededRandom } from "./helpers/content.ts";
import { assertClaimsHold } from "./helpers/control_file.ts";
import { FaultServer } from "./helpers/fault_server.ts";
import { temporaryDirectory } from "./helpers/temp.ts";

const SEED = 9;
const KILLS = 40;
/** Processes at a time. */
const AT_ONCE = 4;
const SIZE = 4 * 2 ** 20 + 4321;
/** For each of the four connections, which are busy for half a second. */
const BYTES_PER_SECOND = 2 * 2 ** 20;
const FLAGS = ["-x", "4", "--min-split-size", "0", "--min-segment-size", "64k", "--piece-size", "64k"];

/** What a kill came to. */
interface Kill {
  /** Whether it came before the file had its name. */
  readonly wasInTime: boolean;
  /** Bytes that the control file claimed afterwards. */
  readonly saved: number;
  /** Bytes that the server sent more than once, over both runs. */
  readonly again: number;
}

/** Kills a download once the server has sent `moment` bytes, and sees that a second run finishes it. */
async function killAt(moment: number): Promise<Kill> {
  await using dir = await temporaryDirectory();
  let reply: { throttle?: number } = { throttle: BYTES_PER_SECOND };
  await using server = await FaultServer.start({ size: SIZE, seed: SEED, respond: () => reply });
  const path = dir.join("out.bin");
  {
    await using child = Child.bytehaul([...FLAGS, "--save-interval", "0.05", "-o", path, server.url]);
    await server.until(() => server.bytesServed >= moment);
    child.signal("SIGKILL");
    await child.ended;
  }
  const names = await dir.list();
  const isNamed = names.includes("out.bin");
  if (isNamed) await assertFileIs(path, SEED, SIZE);
  if (names.length === 1 && isNamed) return { wasInTime: false, saved: SIZE, again: 0 };

  const saved = await assertClaimsHold(path, SEED);
  const before = server.bytesServed;
  reply = {};
  await using downloader = new Downloader();
  await downloader.download({ url: server.url, outputPath: path }).wait();
  await assertFileIs(path, SEED, SIZE);
  assert.deepEqual(await dir.list(), ["out.bin"]);
  assert.equal(server.bytesServed - before, isNamed ? 0 : SIZE - saved, "what was saved came again");
  return { wasInTime: !isNamed, saved, again: server.bytesServed - SIZE };
}

test(`52: ${KILLS} downloads, each killed at a moment of its own, all end in the right file`, {
  timeout: 120_000,
}, async () => {
  const random = seededRandom(SEED);
  const moments = Array.from({ length: KILLS }, () => 1 + Math.floor(random() * SIZE));
  const kills: Kill[] = [];
  const work = async () => {
    for (let moment = moments.pop(); moment !== undefined; moment = moments.pop()) {
      kills.push(await killAt(moment));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));

  const inTime = kills.filter(({ wasInTime }) => wasInTime);
  assert.ok(inTime.length >= KILLS * 0.9, `only ${inTime.length} of ${KILLS} kills came in time`);
  assert.ok(inTime.filter(({ saved }) => saved > 0).length >= KILLS / 4, "nearly nothing was ever saved");
  const again = kills.map((kill) => kill.again).sort((a, b) => a - b);
  const percentile = (part: number) => `${(again[Math.ceil(part * KILLS) - 1]! / 1024).toFixed(0)} KiB`;
  // deno-lint-ignore no-console
  console.log(
    `bytes fetched again after kill -9, of ${(SIZE / 2 ** 20).toFixed(0)} MiB: ` +
      `p50 ${percentile(0.5)}, p95 ${percentile(0.95)}, max ${percentile(1)}`,
  );
});
