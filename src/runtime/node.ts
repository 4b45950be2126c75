import { constants, type Stats } from "node:fs";
import * as fs from "node:fs/promises";
import { systemClock } from "./clock.ts";
import { lockFile } from "./node_lock.ts";
import type { FileInfo, FileSystem, HttpClient, Runtime, RuntimeFile } from "./runtime.ts";

/** Bun, and what else has Node's interfaces. */
export function createNodeRuntime(): Runtime {
  return { name: "Bun" in globalThis ? "bun" : "node", clock: systemClock, files, createHttpClient };
}

class NodeFile implements RuntimeFile {
  readonly #file: fs.FileHandle;

  constructor(file: fs.FileHandle) {
    this.#file = file;
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, position);
    return bytesRead;
  }

  async write(data: Uint8Array, position: number): Promise<void> {
    for (let start = 0; start < data.length;) {
      const { bytesWritten } = await this.#file.write(data, start, data.length - start, position + start);
      start += bytesWritten;
    }
  }

  truncate(size: number): Promise<void> {
    return this.#file.truncate(size);
  }

  sync(): Promise<void> {
    return this.#file.sync();
  }

  async stat(): Promise<FileInfo> {
    return describe(await this.#file.stat());
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

const files: FileSystem = {
  async create(path) {
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;
    return new NodeFile(await fs.open(path, flags, 0o666));
  },

  async open(path, mode) {
    return new NodeFile(await fs.open(path, mode === "read" ? "r" : "r+"));
  },

  async lstat(path) {
    return await orMissing(fs.lstat(path).then(describe));
  },

  async stat(path) {
    return await orMissing(fs.stat(path).then(describe));
  },

  async makeDirectory(path) {
    await fs.mkdir(path, { recursive: true });
  },

  link(from, to) {
    return fs.link(from, to);
  },

  rename(from, to) {
    return fs.rename(from, to);
  },

  async remove(path) {
    await orMissing(fs.unlink(path));
  },

  async syncDirectory(path) {
    if (process.platform === "win32") return;
    const directory = await fs.open(path, "r");
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  },

  async freeSpace(path) {
    try {
      const { bavail, bsize } = await fs.statfs(path);
      return bavail * bsize;
    } catch {
      return undefined; // not every file system tells
    }
  },

  lock: lockFile,
};

/** What Bun's fetch takes beyond the standard; others ignore it. */
interface FetchOptions extends RequestInit {
  readonly decompress: false;
  readonly timeout: false;
  /** Keeps connections apart from those of other clients. */
  readonly session?: FetchSession | undefined;
}

/** Connections of its own for some fetches, which Bun else keeps open for the whole process. */
interface FetchSession {
  close(): void;
}

function createHttpClient(): HttpClient {
  const { Bun } = globalThis as { Bun?: { readonly FetchSession?: new () => FetchSession } };
  const session = Bun?.FetchSession && new Bun.FetchSession();
  return {
    get(url, { headers, signal }) {
      const options: FetchOptions = {
        headers,
        signal,
        redirect: "manual",
        decompress: false,
        timeout: false,
        session,
      };
      return fetch(url, options);
    },
    close: () => session?.close(),
  };
}

function describe(info: Stats): FileInfo {
  const kind = info.isFile()
    ? "file"
    : info.isDirectory()
    ? "directory"
    : info.isSymbolicLink()
    ? "symlink"
    : "other";
  return { kind, size: info.size, identity: `${info.dev}:${info.ino}` };
}

async function orMissing<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
