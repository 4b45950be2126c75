import process from "node:process";
import { DownloadError } from "../../errors.ts";
import { systemClock } from "../clock.ts";
import { nodeFiles } from "../node_files.ts";
import type { Runtime } from "../runtime.ts";
import { sockets } from "../sockets.ts";
import { createHttpClient } from "./bun_client.ts";
import { lockFile } from "./bun_lock.ts";

/** Bun returned up to 544 KiB in one chunk. */
const BODY_CHUNK_BYTES = 576 * 1024;

/** Bun. Throws a `DownloadError` on a version that silently ignores options. */
export function createBunRuntime(): Runtime {
  requireSessions();
  return {
    name: "bun",
    clock: systemClock,
    files: nodeFiles(lockFile),
    network: sockets,
    createHttpClient,
    // Bun replaces several leading slashes by one.
    canFetch: ({ pathname }) => !pathname.startsWith("//"),
    bodyChunkBytes: BODY_CHUNK_BYTES,
    followsEnvironment: false,
    environment: (name) => process.env[name],
  };
}

interface BunGlobal {
  readonly Bun: { readonly version: string; readonly FetchSession?: unknown };
}

/** A fetch without sessions ignores proxies, certificates and more. */
function requireSessions(): void {
  const { Bun } = globalThis as unknown as BunGlobal;
  if (Bun.FetchSession !== undefined) return;
  throw new DownloadError("network", `Cannot run on Bun ${Bun.version}: bytehaul needs Bun 1.4 or later`);
}
