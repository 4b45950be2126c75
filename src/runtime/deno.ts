import process from "node:process";
import { DownloadError } from "../errors.ts";
import { systemClock } from "./clock.ts";
import { explainFetchFailure } from "./fetch_failure.ts";
import { freeBytes } from "./free_space.ts";
import { identify } from "./identity.ts";
import { IS_WINDOWS, onFile } from "./in_use.ts";
import { type LockableFile, type LockAnswer, lockBy, type LockCalls } from "./lock/lock.ts";
import type {
  Endpoint,
  FileInfo,
  FileSystem,
  HttpClient,
  HttpClientOptions,
  Network,
  Runtime,
  RuntimeFile,
} from "./runtime.ts";
import { shareSyncs } from "./shared_sync.ts";
import { sockets } from "./sockets.ts";
import { systemError, withCode } from "./system_error.ts";
import { errorCode } from "../lib/error_code.ts";
import { isIpv6, joinHostPort } from "../lib/ip_address.ts";

/** Deno. */
export function createDenoRuntime(): Runtime {
  return {
    name: "deno",
    clock: systemClock,
    files,
    network,
    createHttpClient,
    canFetch: ({ port }) => !BLOCKED_PORTS.has(port),
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

/** Error codes of a file system without locks. */
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
      if (NO_LOCKS.has(errorCode(error) ?? "")) return "refused";
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
    // Deno has no flag against links, so the caller compares the opened file with the file of that name.
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
    // Deno also removes an empty directory.
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
    return errorCode(error) !== "ESRCH";
  }
}

async function requireNoLink(path: string): Promise<void> {
  if ((await files.lstat(path))?.kind === "symlink") throw systemError("ELOOP", path);
}

/**
 * Checks permissions first. Without one, a socket throws outside of every promise, or prompts on a terminal.
 */
const network: Network = {
  ...sockets,

  async connect(to, options) {
    requireEndpoint(to);
    return await sockets.connect(to, options);
  },

  async listen(onConnection) {
    requireEndpoint({ address: "127.0.0.1", port: 0 });
    return await sockets.listen(onConnection);
  },

  async exchange(to, message, accepts, signal) {
    requireEndpoint({ address: isIpv6(to.address) ? "::" : "0.0.0.0", port: 0 });
    requireEndpoint(to);
    return await sockets.exchange(to, message, accepts, signal);
  },

  async isLocal(address) {
    requireEndpoint({ address, port: 0 });
    return await sockets.isLocal(address);
  },

  isUnrestricted: () => Deno.permissions.querySync({ name: "net" }).state === "granted",

  requireUnrestricted(host) {
    if (network.isUnrestricted()) return;
    throw new DownloadError(
      "network",
      `Cannot reach ${host} in the way that was asked for: it takes connections of our own, which Deno allows with --allow-net (without a host)`,
    );
  },
};

function requireEndpoint({ address, port }: Endpoint): void {
  const host = joinHostPort(address, port);
  if (mayReach(host)) return;
  throw new DownloadError("network", `Cannot use ${host}: Deno forbids it; run it with --allow-net`);
}

function mayReach(host: string): boolean {
  try {
    return Deno.permissions.querySync({ name: "net", host }).state === "granted";
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    return network.isUnrestricted(); // a permission cannot name this host
  }
}

/** Ports that fetch refuses, although a server may use them (Fetch standard, section 2.9). */
const BLOCKED_PORTS = new Set(
  `0 1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 111 113 115 117 119 123
  135 137 139 143 161 179 389 427 465 512 513 514 515 526 530 531 532 540 548 554 556 563 587 601 636 989 990 993
  995 1719 1720 1723 2049 3659 4045 4190 5060 5061 6000 6566 6665 6666 6667 6668 6669 6679 6697
  10080`.split(/\s+/),
);

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
  let isOpen = true;
  return {
    async get(url, { headers, signal, isRedirected = false }) {
      if (isRedirected) requireHost(new URL(url));
      // A finished connection returns to the pool only after a turn of the event loop.
      await systemClock.sleep(0, signal);
      try {
        return await fetch(url, { client, headers, signal, redirect: "manual" });
      } catch (error) {
        throw explainFetchFailure(error, url, headers);
      }
    },
    close() {
      if (isOpen) client.close();
      isOpen = false;
    },
  };
}

/** Throws without the permission for a host. A permission always needs a port. */
function requireHost({ hostname, port, protocol }: URL): void {
  const host = `${hostname}:${port || (protocol === "https:" ? 443 : 80)}`;
  if (mayReach(host)) return;
  throw new DownloadError(
    "network",
    `Cannot follow the redirect to ${host}: Deno forbids it; run it with --allow-net=${host}`,
  );
}

function environment(name: string): string | undefined {
  // Asking without the permission would prompt on a terminal.
  const isGranted = Deno.permissions.querySync({ name: "env", variable: name }).state === "granted";
  return isGranted ? Deno.env.get(name) : undefined;
}

function describe(info: Deno.FileInfo): FileInfo {
  const kind = info.isFile ? "file" : info.isDirectory ? "directory" : info.isSymlink ? "symlink" : "other";
  const number = identify(info.dev, info.ino);
  // Deno rounds file numbers of more than 53 bits, which are usual on Windows. The creation time separates
  // such files.
  const identity = number && IS_WINDOWS ? `${number}:${info.birthtime?.getTime()}` : number;
  const { size, mtime, uid, nlink } = info;
  return {
    ...{ kind, size, identity, modifiedMs: mtime?.getTime() },
    owner: uid ?? undefined,
    links: nlink ?? undefined,
  };
}

/** Adds `code` to errors for which Deno has no class. */
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
