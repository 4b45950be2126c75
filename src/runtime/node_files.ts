import { freeBytes } from "./free_space.ts";
import { IS_WINDOWS, onFile } from "./in_use.ts";
import { lstat, NodeFile, ownFileFlags, remove, stat } from "./node_file.ts";
import { nodeFs } from "./node_fs.ts";
import type { FileSystem } from "./runtime.ts";
import { shareSyncs } from "./shared_sync.ts";
import { coded, systemError } from "./system_error.ts";

/** The files of Bun and Node, with the lock of one of them. */
export function nodeFiles(lock: FileSystem["lock"]): FileSystem {
  const { constants, promises: fs } = nodeFs();
  return {
    async create(path) {
      const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;
      return new NodeFile(await onFile(() => coded(fs.open(path, flags, 0o666))));
    },

    async open(path, mode) {
      const access = mode === "read" || mode === "read-own" ? constants.O_RDONLY : constants.O_RDWR;
      const file = new NodeFile(await fs.open(path, mode === "read" ? access : access | ownFileFlags()));
      // Windows also opens directories.
      if (!IS_WINDOWS || (await file.stat()).kind !== "directory") return file;
      await file.close();
      throw systemError("EISDIR", path);
    },

    lstat,
    stat,

    mayRead: () => Promise.resolve(true),

    async makeDirectory(path) {
      await coded(fs.mkdir(path, { recursive: true }));
    },

    link(from, to) {
      return coded(fs.link(from, to));
    },

    rename(from, to) {
      return onFile(() => coded(fs.rename(from, to)));
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

    lock,
  };
}
