import { statfs } from "node:fs/promises";
import { systemClock } from "./clock.ts";
import { explainFetchFailure } from "./fetch_failure.ts";
import { identify } from "./identity.ts";
import { IS_WINDOWS, onFile } from "./in_use.ts";
import type {
  FileInfo,
  FileLock,
  FileSystem,
  HttpClient,
  HttpClientOptions,
  Runtime,
  RuntimeFile,
} from "./runtime.ts";
import { shareSyncs } from "./shared_sync.ts";
import { sockets } from "./sockets.ts";

/** Deno. */
export function createDenoRuntime(): Runtime {
  return {
    name: "deno",
    clock: systemClock,
    files,
    network: {
      ...sockets,
      isUnrestricted: () => Deno.permissions.querySync({ name: "net" }).state === "granted",
    },
    createHttpClient,
    bodyChunkBytes: 0,
    followsEnvironment: true,
    environment,
  };
}

class DenoFile implements RuntimeFile {
  readonly #file: Deno.FsFile;
  #position = 0;

  constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    this.#seek(position);
    const length = await this.#file.read(buffer) ?? 0;
    this.#position += length;
    return length;
  }

  async write(data: Uint8Array, position: number): Promise<void> {
    this.#seek(position);
    for (let start = 0; start < data.length;) {
      const length = await this.#file.write(data.subarray(start));
      start += length;
      this.#position += length;
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

  async close(): Promise<void> {
    await Promise.resolve(this.#file.close());
  }

  #seek(position: number): void {
    if (position === this.#position) return;
    this.#file.seekSync(position, Deno.SeekMode.Start);
    this.#position = position;
  }
}

const files: FileSystem = {
  async create(path) {
    return new DenoFile(await onFile(() => Deno.open(path, { read: true, write: true, createNew: true })));
  },

  async open(path, mode) {
    return new DenoFile(await Deno.open(path, { read: true, write: mode === "read-write" }));
  },

  async lstat(path) {
    return await orMissing(Deno.lstat(path).then(describe));
  },

  async stat(path) {
    return await orMissing(Deno.stat(path).then(describe));
  },

  async mayRead(path) {
    return (await Deno.permissions.query({ name: "read", path })).state === "granted";
  },

  makeDirectory(path) {
    return Deno.mkdir(path, { recursive: true });
  },

  link(from, to) {
    return Deno.link(from, to);
  },

  rename(from, to) {
    return onFile(() => Deno.rename(from, to));
  },

  async remove(path) {
    // Deno removes an empty directory as well.
    if ((await files.lstat(path))?.kind === "directory") throw systemError("EISDIR", path);
    await orMissing(onFile(() => Deno.remove(path)));
  },

  syncDirectory: shareSyncs(async (path) => {
    if (IS_WINDOWS) return;
    const directory = await Deno.open(path);
    try {
      await directory.sync();
    } finally {
      directory.close();
    }
  }),

  async freeSpace(path) {
    // Asking without the permission would prompt on a terminal.
    const permission = { name: "sys", kind: "statfs" } as unknown as Deno.PermissionDescriptor;
    if ((await Deno.permissions.query(permission)).state !== "granted") return undefined;
    try {
      const { bavail, bsize } = await statfs(path);
      return bavail * bsize;
    } catch {
      return undefined; // not every file system tells
    }
  },

  async lock(path) {
    for (;;) {
      const file = await openLock(path);
      const lock = await takeLock(file, path);
      if (lock !== "stale") return lock;
    }
  },
};

/** A link is not followed: what it names is somebody else's. */
async function openLock(path: string): Promise<Deno.FsFile> {
  try {
    return await Deno.open(path, { read: true, write: true, createNew: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    if ((await files.lstat(path))?.kind === "symlink") throw systemError("ELOOP", path);
    return await Deno.open(path, { read: true, write: true, create: true });
  }
}

/** The file that was opened may have lost its name to a holder that was just finishing: then try again. */
async function takeLock(file: Deno.FsFile, path: string): Promise<FileLock | undefined | "stale"> {
  let keep = false;
  try {
    if (!await file.tryLock(true)) return undefined;
    const named = await files.lstat(path);
    if (named?.identity !== describe(await file.stat()).identity) return "stale";
    keep = true;
  } finally {
    if (!keep) file.close();
  }
  return {
    async release() {
      try {
        await orMissing(onFile(() => Deno.remove(path)));
      } finally {
        file.close();
      }
    },
  };
}

function createHttpClient(options: HttpClientOptions): HttpClient {
  const { maxIdlePerHost, idleTimeoutMs, ca, identity, proxy } = options;
  const client = Deno.createHttpClient({
    http2: false,
    poolMaxIdlePerHost: maxIdlePerHost,
    poolIdleTimeout: idleTimeoutMs,
    caCerts: [...ca],
    ...identity,
    allowHost: true,
    ...(proxy && { proxy: { url: proxy.url, ...(proxy.username !== "" && { basicAuth: proxy }) } }),
  });
  return {
    async get(url, { headers, signal }) {
      // A finished connection returns to the pool only after a turn of the event loop.
      await systemClock.sleep(0, signal);
      try {
        return await fetch(url, { client, headers, signal, redirect: "manual" });
      } catch (error) {
        throw explainFetchFailure(error, url);
      }
    },
    close: () => client.close(),
  };
}

function environment(name: string): string | undefined {
  // Asking without the permission would prompt on a terminal.
  const isGranted = Deno.permissions.querySync({ name: "env", variable: name }).state === "granted";
  return isGranted ? Deno.env.get(name) : undefined;
}

function describe(info: Deno.FileInfo): FileInfo {
  const kind = info.isFile ? "file" : info.isDirectory ? "directory" : info.isSymlink ? "symlink" : "other";
  const number = identify(info.dev, info.ino);
  // Deno rounds numbers of more than 53 bits, which are usual on Windows; the time of birth tells them apart.
  const identity = number && IS_WINDOWS ? `${number}:${info.birthtime?.getTime()}` : number;
  return { kind, size: info.size, identity, modifiedMs: info.mtime?.getTime() };
}

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: "${path}"`), { code });
}

async function orMissing<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
