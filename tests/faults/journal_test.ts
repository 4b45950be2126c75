import assert from "node:assert/strict";
import { copyFile, mkdir, open, readFile, rename, truncate, writeFile } from "node:fs/promises";
import process from "node:process";
import { test } from "node:test";
import { Downloader, type DownloadResult } from "../../mod.ts";
import { assertFileIs, contentHash } from "../../testing/content.ts";
import { FaultServer, type Reply } from "../../testing/mod.ts";
import { Child } from "../helpers/child.ts";
import { assertClaimsHold, claimedBytes, readControl, untilClaimed } from "../helpers/disk/control_file.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../helpers/temp.ts";
import { until } from "../helpers/until.ts";

const SEED = 12;
const SIZE = 8_000_000;
/** What each response sends before it stalls. */
const EACH = 700_000;
/** As much is requested again to be compared. */
const COMPARED = 65_536;
const PIECE = 65_536;
const IN_A_CHILD = { timeout: 60_000 };
const IS_NODE = !("Deno" in globalThis) && !("Bun" in globalThis);
/** Without a terminal Node continues after SIGHUP, because it does not know whether the signal was ignored. */
const WITH_HANGUPS = {
  ...IN_A_CHILD,
  skip: process.platform === "win32"
    ? "there are no such signals"
    : IS_NODE && "Node does not know what was ignored",
};
const FLAGS = ["-x", "4", "--min-split-size", "0", "--min-segment-size", "1M", "--piece-size", "64k"];

/** A download that was killed long before its first checkpoint. */
interface Killed {
  readonly dir: TemporaryDirectory;
  readonly path: string;
  readonly server: FaultServer;
  /** How the server answers from now on. */
  respond: () => Reply | undefined;
  /** Bytes that the control file and its journal claim. */
  readonly claimed: number;
}

/** Runs `work` with what a killed download left. The server sent `claimed` bytes to it, and then nothing more. */
async function withKilled(
  work: (killed: Killed) => Promise<void>,
  signal: "SIGKILL" | "SIGHUP" = "SIGKILL",
): Promise<void> {
  await using dir = await temporaryDirectory();
  let respond: Killed["respond"] = () => ({ silentAfter: EACH });
  await using server = await FaultServer.start({ size: SIZE, seed: SEED, respond: () => respond() });
  const path = dir.join("out.bin");
  {
    await using child = Child.bytehaul([...FLAGS, "--save-interval", "600", "-o", path, server.url]);
    await untilClaimed(`${path}.bytehaul`, 4 * EACH - 1);
    child.signal(signal);
    await child.ended;
  }
  await until(() => server.openConnections === 0);
  const claimed = await assertClaimsHold(path, SEED);
  assert.equal(server.bytesServed, 4 * EACH);
  respond = () => undefined;
  await work({
    ...{ dir, path, server, claimed },
    get respond() {
      return respond;
    },
    set respond(next) {
      respond = next;
    },
  });
}

interface Resumed extends DownloadResult {
  readonly lines: readonly string[];
}

/** Resumes at `path` and checks the file. */
async function resume({ server, path }: Pick<Killed, "server" | "path">): Promise<Resumed> {
  const lines: string[] = [];
  await using downloader = new Downloader({ logger: (level, text) => lines.push(`${level}: ${text}`) });
  const result = await downloader.download({ url: server.url, outputPath: path }).wait();
  await assertFileIs(path, SEED, SIZE);
  return { ...result, lines };
}

test(
  "52: kill -9 before the first checkpoint loses nothing that had arrived",
  IN_A_CHILD,
  () =>
    withKilled(async (killed) => {
      assert.equal(killed.claimed, 4 * EACH);
      assert.equal((await readControl(`${killed.path}.bytehaul`))?.part, undefined, "there was a checkpoint");
      const { resumedBytes } = await resume(killed);
      assert.equal(resumedBytes, killed.claimed);
      assert.ok(killed.server.bytesServed <= SIZE + COMPARED, `${killed.server.bytesServed} bytes were sent`);
      assert.deepEqual(await killed.dir.list(), ["out.bin"]);
    }),
);

test(
  "121 SIGHUP makes a checkpoint, whose journal is empty",
  WITH_HANGUPS,
  () =>
    withKilled(async (killed) => {
      assert.notEqual((await readControl(`${killed.path}.bytehaul`))?.part, undefined);
      const { resumedBytes, lines } = await resume(killed);
      assert.equal(resumedBytes, 4 * EACH);
      assert.ok(!lines.some((line) => line.includes("recorded bytes")), lines.join("\n"));
    }, "SIGHUP"),
);

test("52: a download that is killed while it runs loses at most 2 MiB", IN_A_CHILD, async () => {
  await using dir = await temporaryDirectory();
  const size = 24 * 2 ** 20;
  let reply: Reply = { throttle: 2 * 2 ** 20 };
  await using server = await FaultServer.start({ size, seed: SEED, respond: () => reply });
  const path = dir.join("out.bin");
  {
    await using child = Child.bytehaul(["-x", "4", "--save-interval", "600", "-o", path, server.url]);
    await server.until(() => server.bytesServed >= size / 2);
    child.signal("SIGKILL");
    await child.ended;
  }
  await until(() => server.openConnections === 0);
  const claimed = await assertClaimsHold(path, SEED);
  assert.ok(server.bytesServed - claimed <= 2 * 2 ** 20, `${server.bytesServed - claimed} bytes are lost`);
  const before = server.bytesServed;
  reply = {};
  await using downloader = new Downloader();
  const { resumedBytes, fetchedBytes } = await downloader.download({ url: server.url, outputPath: path })
    .wait();
  assert.deepEqual([resumedBytes, fetchedBytes], [claimed, size - claimed]);
  assert.ok(server.bytesServed - before <= size - claimed + COMPARED);
  await assertFileIs(path, SEED, size);
});

test(
  "46: a part file that was cut after a kill keeps what is before the cut",
  IN_A_CHILD,
  () =>
    withKilled(async (killed) => {
      await truncate(`${killed.path}.part`, 10 * PIECE);
      const { resumedBytes } = await resume(killed);
      assert.equal(resumedBytes, 10 * PIECE);
    }),
);

test(
  "46: a part file that was copied with its control file after a kill is resumed",
  IN_A_CHILD,
  () =>
    withKilled(async (killed) => {
      await mkdir(killed.dir.join("other"));
      const path = killed.dir.join("other/out.bin");
      for (const suffix of [".part", ".bytehaul"]) {
        await copyFile(`${killed.path}${suffix}`, `${path}${suffix}`);
      }
      const { resumedBytes } = await resume({ ...killed, path });
      assert.equal(resumedBytes, killed.claimed);
    }),
);

test(
  "46: a part file that was replaced after a kill is not believed",
  IN_A_CHILD,
  () =>
    withKilled(async (killed) => {
      await writeFile(killed.dir.join("new"), new Uint8Array(SIZE));
      await rename(killed.dir.join("new"), `${killed.path}.part`);
      const { resumedBytes, lines } = await resume(killed);
      assert.equal(resumedBytes, 0);
      assert.ok(
        lines.some((line) => /^warn: .*are wrong and are fetched again/.test(line)),
        lines.join("\n"),
      );
    }),
);

test(
  "46: a bit that was flipped after a kill costs its piece and no more",
  IN_A_CHILD,
  () =>
    withKilled(async (killed) => {
      const part = await open(`${killed.path}.part`, "r+");
      const byte = new Uint8Array(1);
      await part.read(byte, 0, 1, 3 * PIECE + 5);
      await part.write(byte.map((value) => value ^ 1), 0, 1, 3 * PIECE + 5);
      await part.close();
      const { resumedBytes } = await resume(killed);
      assert.equal(resumedBytes, killed.claimed - PIECE);
    }),
);

for (
  const [how, damage] of Object.entries<(bytes: Uint8Array) => Uint8Array>({
    "torn": (bytes) => bytes.subarray(0, bytes.length - 5),
    "followed by zeros": (bytes) => Uint8Array.from([...bytes, ...new Array(4096).fill(0)]),
    "full of garbage at its end": (bytes) => bytes.map((byte, at) => at < bytes.length - 30 ? byte : 0xa5),
  })
) {
  test(`53: a journal that is ${how} is read up to there`, IN_A_CHILD, () =>
    withKilled(async (killed) => {
      const control = `${killed.path}.bytehaul`;
      await writeFile(control, damage(await readFile(control)));
      const claimed = await claimedBytes(control);
      assert.ok(claimed > 0 && claimed <= killed.claimed, `${claimed} bytes`);
      const { resumedBytes } = await resume(killed);
      assert.equal(resumedBytes, claimed);
    }));
}

test(
  "52: a download that resumed is killed again, and goes on from there",
  IN_A_CHILD,
  () =>
    withKilled(async (killed) => {
      killed.respond = () => ({ silentAfter: EACH });
      const control = `${killed.path}.bytehaul`;
      const args = [...FLAGS, "--save-interval", "600", "-o", killed.path, killed.server.url];
      {
        await using child = Child.bytehaul(args);
        await untilClaimed(control, killed.claimed + EACH);
        child.signal("SIGKILL");
        await child.ended;
      }
      await until(() => killed.server.openConnections === 0);
      killed.respond = () => undefined;
      const claimed = await assertClaimsHold(killed.path, SEED);
      assert.ok(claimed > killed.claimed, `${claimed} bytes`);
      assert.equal((await resume(killed)).resumedBytes, claimed);
    }),
);

test(
  "17: with a checksum, bytes of another version are not claimed for the first one",
  IN_A_CHILD,
  async () => {
    await using dir = await temporaryDirectory();
    let requests = 0;
    await using server = await FaultServer.start({
      ...{ size: SIZE, seed: SEED },
      respond: () => ({ silentAfter: EACH, headers: { ETag: requests++ === 0 ? '"one"' : '"other"' } }),
    });
    const path = dir.join("out.bin");
    const checksum = `sha256:${contentHash(SEED, SIZE, "sha256")}`;
    const args = [...FLAGS, "--save-interval", "600", "--checksum", checksum, "-o", path, server.url];
    await using child = Child.bytehaul(args);
    await untilClaimed(`${path}.bytehaul`, EACH);
    child.signal("SIGKILL");
    await child.ended;
    const record = await readControl(`${path}.bytehaul`);
    assert.deepEqual(record?.file.validator, { etag: undefined, lastModified: undefined });
  },
);
