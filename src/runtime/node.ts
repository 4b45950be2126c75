import { type BigIntStats, constants } from "node:fs";
import * as fs from "node:fs/promises";
import process from "node:process";
import { systemClock } from "./clock.ts";
import { explainFetchFailure } from "./fetch_failure.ts";
import { identify } from "./identity.ts";
import { IS_WINDOWS, onFile } from "./in_use.ts";
import { lockFile } from "./node_lock.ts";
import type { FileInfo, FileSystem, HttpClient, HttpClientOptions, Runtime, RuntimeFile } from "./runtime.ts";
import { shareSyncs } from "./shared_sync.ts";
import { sockets } from "./sockets.ts";

/** Bun was seen to hand over up to 544 KiB at once. */
const BODY_CHUNK_BYTES = 576 * 1024;

/** Bun, and what else has Node's interfaces. */
export function createNodeRuntime(): Runtime {
  return {
    name: "Bun" in globalThis ? "bun" : "node",
    clock: systemClock,
    files,
    network: sockets,
    createHttpClient,
    bodyChunkBytes: BODY_CHUNK_BYTES,
    followsEnvironment: false,
    environment: (name) => process.env[name],
  };
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
    return describe(await this.#file.stat({ bigint: true }));
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

const files: FileSystem = {
  async create(path) {
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;
    return new NodeFile(await onFile(() => fs.open(path, flags, 0o666)));
  },

  async open(path, mode) {
    const file = await fs.open(path, mode === "read" ? "r" : "r+");
    if (!IS_WINDOWS || !(await file.stat()).isDirectory()) return new NodeFile(file);
    await file.close();
    throw systemError("EISDIR", path);
  },

  async lstat(path) {
    return await orMissing(fs.lstat(path, { bigint: true }).then(describe));
  },

  async stat(path) {
    return await orMissing(fs.stat(path, { bigint: true }).then(describe));
  },

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

  async remove(path) {
    // Windows has one answer for a directory and for a file that is in use.
    if (IS_WINDOWS && (await files.lstat(path))?.kind === "directory") throw systemError("EISDIR", path);
    await orMissing(onFile(() => fs.unlink(path)));
  },

  syncDirectory: shareSyncs(async (path) => {
    if (IS_WINDOWS) return;
    const directory = await fs.open(path, "r");
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }),

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
  readonly session?: FetchSession | undefined;
  readonly proxy?: false;
}

/** Settings for some fetches, and connections of their own. */
interface FetchSession {
  close(): void;
}

interface FetchSessionOptions {
  readonly tls: {
    readonly ca?: readonly string[];
    readonly cert?: string;
    readonly key?: string;
  };
  readonly proxy: { readonly url: string; readonly respectNoProxy: false } | undefined;
  readonly keepAlive: { readonly idleTimeout: number; readonly maxIdleSockets: number } | false;
}

interface BunGlobal {
  readonly Bun?: { readonly FetchSession?: new (options: FetchSessionOptions) => FetchSession };
}

function createHttpClient({ proxy, ...options }: HttpClientOptions): HttpClient {
  const { Bun } = globalThis as BunGlobal;
  const session = Bun?.FetchSession && new Bun.FetchSession(sessionOptions({ proxy, ...options }));
  return {
    async get(url, { headers, signal }) {
      const fetchOptions: FetchOptions = {
        headers,
        signal,
        redirect: "manual",
        decompress: false,
        timeout: false,
        session,
        // Or it would take one from the environment.
        ...(proxy === undefined && { proxy: false }),
      };
      try {
        return await fetch(url, fetchOptions);
      } catch (error) {
        throw explainFetchFailure(error, url);
      }
    },
    close: () => session?.close(),
  };
}

function sessionOptions(options: HttpClientOptions): FetchSessionOptions {
  const { ca, identity, proxy, maxIdlePerHost, idleTimeoutMs } = options;
  return {
    tls: { ...(ca.length > 0 && { ca: [...rootCertificates(), ...ca] }), ...identity },
    proxy: proxy && { url: withCredentials(proxy), respectNoProxy: false },
    keepAlive: maxIdlePerHost > 0 &&
      { idleTimeout: Math.ceil(idleTimeoutMs / 1000), maxIdleSockets: maxIdlePerHost },
  };
}

/** Not by an import: the module takes time to load, and few runs need it. */
function rootCertificates(): readonly string[] {
  return process.getBuiltinModule("node:tls").rootCertificates;
}

function withCredentials({ url, username, password }: NonNullable<HttpClientOptions["proxy"]>): string {
  const full = new URL(url);
  full.username = encodeURIComponent(username);
  full.password = encodeURIComponent(password);
  return full.href;
}

function describe(info: BigIntStats): FileInfo {
  const kind = info.isFile()
    ? "file"
    : info.isDirectory()
    ? "directory"
    : info.isSymbolicLink()
    ? "symlink"
    : "other";
  // Numbers of more than 53 bits are usual on Windows.
  const identity = identify(info.dev, info.ino);
  return { kind, size: Number(info.size), identity, modifiedMs: Number(info.mtimeMs) };
}

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: "${path}"`), { code });
}

async function orMissing<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
