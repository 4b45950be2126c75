/**
 * Shows bytehaul in ten seconds, without the Internet: a download over 8 connections is interrupted half-way,
 * resumed, and verified.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { assertFileIs, contentHash } from "../testing/content.ts";
import { FaultServer } from "../testing/mod.ts";
import { temporaryDirectory } from "../tests/helpers/temp.ts";

const MIB = 1024 * 1024;
const SEED = 1;
const SIZE = 192 * MIB;
const CONNECTIONS = 8;
const BYTES_PER_SECOND_EACH = 3 * MIB;

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Runs the command as a user would. Returns its duration in milliseconds and its exit status. */
async function run(args: readonly string[], interruptWhen?: Promise<void>): Promise<[number, number | null]> {
  const cli = fileURLToPath(new URL("../cli.ts", import.meta.url));
  const runtimeArgs = "Deno" in globalThis ? ["run", "-A", cli] : [cli];
  const startedMs = performance.now();
  const child = spawn(process.execPath, [...runtimeArgs, ...args], { stdio: "inherit" });
  const exit = once(child, "exit");
  if (interruptWhen !== undefined) {
    await Promise.race([interruptWhen, exit]);
    process.kill(child.pid!, "SIGINT");
  }
  const [status] = await exit as [number | null];
  return [performance.now() - startedMs, status];
}

await using directory = await temporaryDirectory();
await using server = await FaultServer.start({
  size: SIZE,
  seed: SEED,
  respond: () => ({ throttle: BYTES_PER_SECOND_EACH }),
});
const file = directory.join("file.bin");
const checksum = `sha256:${contentHash(SEED, SIZE, "sha256")}`;
const args = [server.url, "-o", file, "-x", String(CONNECTIONS), "--checksum", checksum];

say(`A server on this machine offers ${SIZE / MIB} MiB and sends ${BYTES_PER_SECOND_EACH / MIB} MiB/s`);
say(`to each connection. bytehaul fetches it over ${CONNECTIONS}, and is interrupted half-way:\n`);
const [firstMs, interrupted] = await run(args, server.until(() => server.bytesServed > SIZE / 2));
const servedFirst = server.bytesServed;
say(`\nExit status ${interrupted}. The same command again:\n`);
const [secondMs, finished] = await run(args);

if (interrupted !== 130 || finished !== 0) throw new Error(`Exit status ${interrupted} and ${finished}`);
await assertFileIs(file, SEED, SIZE);
const again = server.bytesServed - SIZE;
const oneConnectionSeconds = SIZE / BYTES_PER_SECOND_EACH;
const seconds = (firstMs + secondMs) / 1000;
say(`
The file is whole, byte for byte, and its SHA-256 is right.
  first run   ${(firstMs / 1000).toFixed(1)} s, ${
  (servedFirst / MIB).toFixed(1)
} MiB sent by the server, then SIGINT
  second run  ${(secondMs / 1000).toFixed(1)} s, the rest
  sent twice  ${(again / MIB).toFixed(2)} MiB, on its way when the first run was interrupted
  together    ${seconds.toFixed(1)} s; over one connection it would have taken ${oneConnectionSeconds} s`);
