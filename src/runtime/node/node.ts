import process from "node:process";
import { systemClock } from "../clock.ts";
import { nodeFiles } from "../node_files.ts";
import type { Runtime } from "../runtime.ts";
import { connectWithNode, sockets } from "../network/sockets.ts";
import { lockFile } from "./node_lock.ts";

/** Memory for the reads of a socket. */
const BODY_CHUNK_BYTES = 64 * 1024;

/** Node.js. All requests go over connections of our own. */
export function createNodeRuntime(): Runtime {
  return {
    name: "node",
    clock: systemClock,
    files: nodeFiles(lockFile),
    network: { ...sockets, connect: (to, options) => connectWithNode(to, options, BODY_CHUNK_BYTES) },
    createHttpClient: undefined,
    canFetch: () => false,
    isOwnRefusal: () => false,
    bodyChunkBytes: BODY_CHUNK_BYTES,
    environment: (name) => process.env[name],
  };
}
