import process from "node:process";
import { systemClock } from "../clock.ts";
import { nodeFiles } from "../node_files.ts";
import type { Runtime } from "../runtime.ts";
import { sockets } from "../network/sockets.ts";
import { lockFile } from "./bun_lock.ts";

/** The largest chunk of a socket, over TLS as well. */
const BODY_CHUNK_BYTES = 512 * 1024;

/** Bun. All requests go over connections of our own. */
export function createBunRuntime(): Runtime {
  return {
    name: "bun",
    clock: systemClock,
    files: nodeFiles(lockFile),
    network: sockets,
    createHttpClient: undefined,
    canFetch: () => false,
    isOwnRefusal: () => false,
    bodyChunkBytes: BODY_CHUNK_BYTES,
    environment: (name) => process.env[name],
  };
}
