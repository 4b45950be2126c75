import { constants } from "node:fs";
import * as fs from "node:fs/promises";
import process from "node:process";
import { systemClock } from "./clock.ts";
import { freeBytes } from "./free_space.ts";
import { IS_WINDOWS, onFile } from "./in_use.ts";
import { lstat, NodeFile, OPEN_OWN, remove, stat } from "./node_file.ts";
import { lockFile } from "./lock/node_lock.ts";
import type { FileSystem, Runtime } from "./runtime.ts";
import { shareSyncs } from "./shared_sync.ts";
import { sockets } from "./sockets.ts";
import { systemError } from "./system_error.ts";

/** The largest chunk of a socket: 512 KiB on Bun, over TLS as well, and 64 KiB on Node. */
const BODY_CHUNK_BYTES = "Bun" in globalThis ? 512 * 1024 : 64 * 1024;

/** Bun and Node. All requests go over connections of our own. */
export function createNodeRuntime(): Runtime {
  return {
    name: "Bun" in globalThis ? "bun" : "node",
    clock: systemClock,
    files,
    network: sockets,
    createHttpClient: undefined,
    canFetch: () => false,
    isOwnRefusal: () => false,
    bodyChunkBytes: BODY_CHUNK_BYTES,
    environment: (name) => process.env[name],
  };
}

const files: FileSystem = {
  async create(path) {
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;
    return new NodeFile(await onFile(() => fs.open(path, flags, 0o666)));
  },

  async open(path, mode) {
    const access = mode === "read" || mode === "read-own" ? constants.O_RDONLY : constants.O_RDWR;
    const file = new NodeFile(await fs.open(path, mode === "read" ? access : access | OPEN_OWN));
    // Windows also opens directories.
    if (!IS_WINDOWS || (await file.stat()).kind !== "directory") return file;
    await file.close();
    throw systemError("EISDIR", path);
  },

  lstat,
  stat,

  mayRead: () => Promise.resolve(true),

  async makeDirectory(path) {
    await fs.mkdir(path, { recursive: true });
  },

  link(from, to) {
    return fs.link(from, to);
  },

  rename(from, to) {
    return onFile(() => fs.rename(from, to));
  },

  remove,

  syncDirectory: shareSyncs(async (path) => {
    if (IS_WINDOWS) return;
    const directory = await fs.open(path, "r");
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }),

  freeSpace: freeBytes,

  lock: lockFile,
};
