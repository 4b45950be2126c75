/** Shows that bytehaul and the standard library work together. Needs JSR: `deno task test:jsr`. */
import { assert, assertEquals } from "@std/assert";
import { parseArgs } from "@std/cli/parse-args";
import { crypto } from "@std/crypto";
import { encodeHex } from "@std/encoding/hex";
import { ensureDir, exists } from "@std/fs";
import { toText } from "@std/streams";
import { test } from "node:test";
import { Downloader } from "../../mod.ts";
import { contentHash } from "../../testing/content.ts";
import { FaultServer } from "../../testing/mod.ts";
import { temporaryDirectory } from "../helpers/temp.ts";

const SIZE = 3 * 1024 * 1024 + 17;
const SEED = 5;

test("a file fetched by bytehaul has the digest that @std/crypto computes from its stream", async () => {
  await using directory = await temporaryDirectory();
  await using server = await FaultServer.start({ size: SIZE, seed: SEED });
  await using downloader = new Downloader();
  const outputDir = directory.join("made", "by", "std");
  await ensureDir(outputDir);
  const { path } = await downloader.download({ url: server.url, outputDir }).wait();
  assert(await exists(path, { isFile: true }));
  const file = await Deno.open(path);
  const digest = await crypto.subtle.digest("SHA-256", file.readable);
  assertEquals(encodeHex(digest), contentHash(SEED, SIZE, "sha256"));
});

test("options read by @std/cli and a digest by @std/crypto make a spec", async () => {
  await using directory = await temporaryDirectory();
  const body = "hello from a server";
  await using server = await FaultServer.start({ size: body.length, respond: () => ({ status: 200, body }) });
  await using downloader = new Downloader();
  const { connections, _: [url] } = parseArgs([server.url, "--connections", "2"]);
  const digest = await crypto.subtle.digest("BLAKE2S", new TextEncoder().encode(body));
  const { path } = await downloader.download({
    url: String(url),
    outputPath: directory.join("hello.txt"),
    maxConnections: Number(connections),
    checksum: `blake2s256:${encodeHex(digest)}`,
  }).wait();
  const file = await Deno.open(path);
  assertEquals(await toText(file.readable), body);
});

test("snapshots are an async iterable, which ReadableStream.from takes", async () => {
  await using directory = await temporaryDirectory();
  await using server = await FaultServer.start({ size: SIZE, seed: SEED });
  await using downloader = new Downloader();
  const handle = downloader.download({ url: server.url, outputDir: directory.path });
  const states = ReadableStream.from(handle).pipeThrough(
    new TransformStream<{ state: string }, string>({
      transform: ({ state }, controller) => controller.enqueue(`${state} `),
    }),
  );
  assert((await toText(states)).endsWith("completed "));
});
