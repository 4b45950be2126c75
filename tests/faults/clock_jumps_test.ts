import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { assertFileIs } from "../../testing/content.ts";
import { FaultServer, type Reply } from "../../testing/mod.ts";
import { Scene } from "../helpers/scenes/scene.ts";
import { temporaryDirectory } from "../helpers/temp.ts";

const CLI = fileURLToPath(new URL("../../cli.ts", import.meta.url));
const TEN_YEARS_MS = 315_360_000_000;

/** Lets the wall clock show ten years before and ten years after the right time, in turn. */
function jumpingWallClock(): Disposable {
  const rightNow = Date.now;
  let looks = 0;
  Date.now = () => rightNow() + (looks++ % 2 === 0 ? -TEN_YEARS_MS : TEN_YEARS_MS);
  return { [Symbol.dispose]: () => void (Date.now = rightNow) };
}

const JUMPS = "38 the wall clock jumps by decades: no timeout, wait, rate or progress follows it";
test(JUMPS, { timeout: 30_000 }, async () => {
  const size = 1_500_000;
  await using scene = await Scene.open({
    size,
    seed: 38,
    respond: ({ index }) =>
      [{ resetAfter: 100_000 }, { status: 503, headers: { "Retry-After": "1" } }, { delayMs: 50 }][index],
  });
  using _ = jumpingWallClock();
  const handle = scene.download({ maxDownloadSpeed: 3_000_000, maxRetryElapsedMs: 20_000 });
  const rates: number[] = [];
  for await (const { speed, etaSeconds = 0, elapsedMs } of handle) rates.push(speed, etaSeconds, elapsedMs);
  const result = await scene.completed(handle);
  assert.equal(result.fetchedBytes, size);
  const [, refused, next] = scene.server.requests;
  const waitedMs = next!.receivedAtMs - refused!.receivedAtMs;
  assert.ok(waitedMs > 990 && waitedMs < 15_000, `Retry-After of a second took ${waitedMs} ms`);
  // Half a second for the bytes, one for the wait.
  assert.ok(result.elapsedMs > 1300 && result.elapsedMs < 30_000, `${result.elapsedMs} ms`);
  assert.ok(rates.every((rate) => rate >= 0 && rate < 1e9), `${rates}`);
});

const READ_TIMEOUT_MS = 500;
const CONNECTIONS = 4;

for (
  const [name, reply] of [
    ["are gone without a word", { silentAfter: 100_000 }],
    ["are reset", { throttle: 200_000, resetAfter: 100_000 }],
  ] as const
) {
  test(
    `39 the machine sleeps longer than any timeout, and its connections ${name} meanwhile: it goes on`,
    { timeout: 60_000, skip: process.platform === "win32" && "nothing can stop a process there" },
    async () => {
      let answer: Reply | undefined = reply;
      await using dir = await temporaryDirectory();
      await using server = await FaultServer.start({ size: 2_000_000, seed: 39, respond: () => answer });
      const path = dir.join("out.bin");
      const words = [
        ...["--read-timeout", `${READ_TIMEOUT_MS / 1000}`, "--connect-timeout", "5", "--retry-delay", "0.01"],
        ...["--min-split-size", "0", "--retries", "2", "-x", `${CONNECTIONS}`, "-o", path, server.url],
      ];
      const command = "Deno" in globalThis ? ["run", "-A", CLI] : [CLI];
      const child = spawn(process.execPath, [...command, ...words], { stdio: ["ignore", "ignore", "pipe"] });
      const ended = once(child, "close");
      const told: string[] = [];
      child.stderr!.setEncoding("utf8").on("data", (text: string) => told.push(text));
      try {
        const isUnderWay = (): boolean =>
          server.requests.filter((it) => it.bodyBytes > 0).length >= CONNECTIONS;
        await server.until(isUnderWay);
        process.kill(child.pid!, "SIGSTOP");
        if ("resetAfter" in reply) await server.until(() => server.openConnections === 0);
        await sleep(2 * READ_TIMEOUT_MS);
        answer = undefined;
        const asked = server.requests.length;
        process.kill(child.pid!, "SIGCONT");
        assert.deepEqual([await ended, told.join("").includes("Cannot")], [[0, null], false], told.join(""));
        assert.ok(server.requests.length > asked, "no transfer was tried again");
        await assertFileIs(path, 39, 2_000_000);
        assert.deepEqual(await dir.list(), ["out.bin"]);
      } finally {
        if (child.exitCode === null) process.kill(child.pid!, "SIGKILL");
        await ended;
      }
    },
  );
}
