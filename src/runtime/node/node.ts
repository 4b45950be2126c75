import process from "node:process";
import { systemClock } from "../clock.ts";
import { lockWith } from "../lock/node_lock.ts";
import { nodeFiles } from "../node_files.ts";
import type { Runtime } from "../runtime.ts";
import { sockets } from "../sockets.ts";
import { createHttpClient } from "./stand_in_client.ts";

/** Chunks of undici were never larger than those of the socket. */
const BODY_CHUNK_BYTES = 64 * 1024;

/** Node.js. It has no call for the locks of the system, so a lock is the process id in its file. */
export function createNodeRuntime(): Runtime {
  return {
    name: "node",
    clock: systemClock,
    files: nodeFiles((path) => lockWith(undefined, path)),
    network: sockets,
    createHttpClient,
    canFetch: () => true,
    bodyChunkBytes: BODY_CHUNK_BYTES,
    followsEnvironment: false,
    environment: (name) => process.env[name],
  };
}
