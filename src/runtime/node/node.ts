import process from "node:process";
import { systemClock } from "../clock.ts";
import { nodeFiles } from "../node_files.ts";
import type { Runtime } from "../runtime.ts";
import { sockets } from "../sockets.ts";
import { lockFile } from "./node_lock.ts";
import { createHttpClient } from "./stand_in_client.ts";

/** Chunks of undici were never larger than those of the socket. */
const BODY_CHUNK_BYTES = 64 * 1024;

/** Node.js. */
export function createNodeRuntime(): Runtime {
  return {
    name: "node",
    clock: systemClock,
    files: nodeFiles(lockFile),
    network: sockets,
    createHttpClient,
    canFetch: () => true,
    bodyChunkBytes: BODY_CHUNK_BYTES,
    followsEnvironment: false,
    environment: (name) => process.env[name],
  };
}
