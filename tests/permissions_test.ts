import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Child } from "./helpers/child.ts";
import { assertFileIs, contentHash } from "../testing/content.ts";
import { FaultServer } from "../testing/mod.ts";
import { temporaryDirectory } from "./helpers/temp.ts";

const SEED = 2;
const SIZE = 3_000_000;
const CHECKSUM = `sha256:${contentHash(SEED, SIZE, "sha256")}`;
const SCRIPT = fileURLToPath(new URL("./permissions_child.ts", import.meta.url));
const ON_DENO = { timeout: 60_000, skip: !("Deno" in globalThis) && "only Deno has permissions" };

/** The permissions that a download needs, and no other. */
function permissions(server: FaultServer, dir: string): string[] {
  const { host } = new URL(server.url);
  return ["--no-prompt", `--allow-net=${host}`, `--allow-read=${dir}`, `--allow-write=${dir}`];
}

for (const [what, names] of [["there", []], ["to be made", ["made"]], ["deep", ["made", "deep"]]] as const) {
  test(
    `a program needs its host and its directory, which is ${what}, to download, to resume and to verify`,
    ON_DENO,
    async () => {
      await using dir = await temporaryDirectory();
      await using server = await FaultServer.start({ size: SIZE, seed: SEED });
      // Nothing above the first directory that is made.
      const denoFlags = permissions(server, dir.join(...names.slice(0, 1)));
      const outputDir = dir.join(...names);
      await using child = new Child(SCRIPT, [server.url, outputDir, CHECKSUM], { denoFlags });
      const { status, stdout, stderr } = await child.ended;
      assert.equal(stderr, "");
      assert.equal(status, 0);
      const { resumedBytes, pausedAt, checksum } = JSON.parse(stdout);
      assert.ok(resumedBytes > 0 && resumedBytes === pausedAt);
      assert.equal(checksum, CHECKSUM);
      await assertFileIs(dir.join(...names, "file.bin"), SEED, SIZE);
    },
  );
}

test(
  "the command needs its host and its directory, to download, to resume and to verify",
  ON_DENO,
  async () => {
    await using dir = await temporaryDirectory();
    let throttle: number | undefined = 4_000_000;
    await using server = await FaultServer.start({
      size: SIZE,
      seed: SEED,
      respond: () => throttle === undefined ? undefined : { throttle },
    });
    const options = { denoFlags: permissions(server, dir.path), cwd: dir.path };
    const args = ["-v", "--checksum", CHECKSUM, "--min-split-size", "0", "-d", dir.path, server.url];
    {
      await using child = Child.bytehaul(args, options);
      await server.until(() => server.bytesServed >= SIZE / 2);
      child.signal("SIGINT");
      const { status, stderr } = await child.ended;
      assert.equal(status, 130, stderr);
    }
    throttle = undefined;
    const before = server.bytesServed;
    await using child = Child.bytehaul(args, options);
    const { status, stderr } = await child.ended;
    assert.match(
      stderr,
      /^[^\n]*resuming with \d+ of \d+ bytes[^\n]*\nsaved .*file\.bin \([^\n]*sha256 matches\)\n$/,
    );
    assert.equal(status, 0);
    assert.ok(server.bytesServed - before < SIZE);
    await assertFileIs(dir.join("file.bin"), SEED, SIZE);
  },
);

test("without the host, or without the directory, it fails and says so", ON_DENO, async () => {
  await using dir = await temporaryDirectory();
  await using server = await FaultServer.start({ size: SIZE, seed: SEED });
  for (const missing of ["--allow-net", "--allow-write", "--allow-read"]) {
    const denoFlags = permissions(server, dir.path).filter((flag) => !flag.startsWith(missing));
    await using child = Child.bytehaul(["--retries", "0", "-d", dir.path, server.url], { denoFlags });
    const { status, stderr } = await child.ended;
    assert.equal(status, 1);
    assert.match(stderr, /^bytehaul: Cannot [^\n]+\n$/);
    assert.deepEqual(await dir.list(), []);
  }
});
