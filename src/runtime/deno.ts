import process from "node:process";
import { systemClock } from "./clock.ts";
import { explainFetchFailure } from "./fetch_failure.ts";
import { freeBytes } from "./free_space.ts";
import { identify } from "./identity.ts";
import { IS_WINDOWS, onFile } from "./in_use.ts";
import { type LockableFile, type LockAnswer, lockBy, type LockCalls } from "./lock.ts";
import type { FileInfo, FileSystem, HttpClient, HttpClientOptions, Runtime, RuntimeFile } from "./runtime.ts";
import { shareSyncs } from "./shared_sync.ts";
import { sockets } from "./sockets.ts";
import { systemError, withCode } from "./system_error.ts";

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
    const length = await coded(this.#file.read(buffer)) ?? 0;
    this.#position += length;
    return length;
  }

  async write(data: Uint8Array, position: number): Promise<void> {
    this.#seek(position);
    for (let start = 0; start < data.length;) {
      const length = await coded(this.#file.write(data.subarray(start)));
      start += length;
      this.#position += length;
    }
  }

  truncate(size: number): Promise<void> {
    return coded(this.#file.truncate(size));
  }

  sync(): Promise<void> {
    return coded(this.#file.sync());
  }

  async stat(): Promise<FileInfo> {
    return describe(await coded(this.#file.stat()));
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

/** What the system calls it when a file system has no locks. */
const NO_LOCKS = new Set(["ENOSYS", "ENOLCK", "ENOTSUP", "EOPNOTSUPP", "EINVAL"]);

class LockableDenoFile extends DenoFile implements LockableFile {
  readonly #file: Deno.FsFile;

  constructor(file: Deno.FsFile) {
    super(file);
    this.#file = file;
  }

  async tryLock(): Promise<LockAnswer> {
    try {
      return await coded(this.#file.tryLock(true)) ? "had" : "taken";
    } catch (error) {
      if (error instanceof Error && "code" in error && NO_LOCKS.has(String(error.code))) return "refused";
      throw error;
    }
  }
}

const files: FileSystem = {
  async create(path) {
    return new DenoFile(
      await onFile(() => coded(Deno.open(path, { read: true, write: true, createNew: true }))),
    );
  },

  async open(path, mode) {
    // There is no flag against links, so who opens it compares what was opened with what has the name.
    if (mode !== "read") await requireNoLink(path);
    return new DenoFile(await coded(Deno.open(path, { read: true, write: mode === "read-write" })));
  },

  async lstat(path) {
    return await orMissing(coded(Deno.lstat(path)).then(describe));
  },

  async stat(path) {
    return await orMissing(coded(Deno.stat(path)).then(describe));
  },

  async mayRead(path) {
    return (await Deno.permissions.query({ name: "read", path })).state === "granted";
  },

  makeDirectory(path) {
    return coded(Deno.mkdir(path, { recursive: true }));
  },

  link(from, to) {
    return coded(Deno.link(from, to));
  },

  rename(from, to) {
    return onFile(() => coded(Deno.rename(from, to)));
  },

  async remove(path) {
    // Deno removes an empty directory as well.
    if ((await files.lstat(path))?.kind === "directory") throw systemError("EISDIR", path);
    await orMissing(onFile(() => coded(Deno.remove(path))));
  },

  syncDirectory: shareSyncs(async (path) => {
    if (IS_WINDOWS) return;
    const directory = await coded(Deno.open(path));
    try {
      await coded(directory.sync());
    } finally {
      directory.close();
    }
  }),

  async freeSpace(path) {
    // Asking without the permission would prompt on a terminal.
    const permission = { name: "sys", kind: "statfs" } as unknown as Deno.PermissionDescriptor;
    if ((await Deno.permissions.query(permission)).state !== "granted") return undefined;
    return await freeBytes(path);
  },

  lock: (path) => lockBy(LOCK_CALLS, path),
};

const LOCK_CALLS: LockCalls = {
  create: async (path) =>
    new LockableDenoFile(await coded(Deno.open(path, { read: true, write: true, createNew: true }))),
  open: async (path) => new LockableDenoFile(await coded(Deno.open(path, { read: true, write: true }))),
  lstat: files.lstat,
  remove: files.remove,
  get processId() {
    return Deno.pid;
  },
  isAlive,
};

/** Asking without the permission would prompt on a terminal. */
function isAlive(processId: number): boolean | undefined {
  if (Deno.permissions.querySync({ name: "run" }).state !== "granted") return undefined;
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ESRCH");
  }
}

async function requireNoLink(path: string): Promise<void> {
  if ((await files.lstat(path))?.kind === "symlink") throw systemError("ELOOP", path);
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
  const { size, mtime, uid, nlink } = info;
  return {
    ...{ kind, size, identity, modifiedMs: mtime?.getTime() },
    owner: uid ?? undefined,
    links: nlink ?? undefined,
  };
}

/** Errors of Deno have no `code` where it has no class for them. */
async function coded<T>(result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    throw withCode(error);
  }
}

async function orMissing<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
