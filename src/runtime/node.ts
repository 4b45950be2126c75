import { constants } from "node:fs";
import * as fs from "node:fs/promises";
import process from "node:process";
import { DownloadError } from "../errors.ts";
import { systemClock } from "./clock.ts";
import { explainFetchFailure } from "./fetch_failure.ts";
import { freeBytes } from "./free_space.ts";
import { IS_WINDOWS, onFile } from "./in_use.ts";
import { lstat, NodeFile, OPEN_OWN, remove, stat } from "./node_file.ts";
import { lockFile } from "./lock/node_lock.ts";
import type { FileSystem, HttpClient, HttpClientOptions, Runtime } from "./runtime.ts";
import { shareSyncs } from "./shared_sync.ts";
import { sockets } from "./sockets.ts";
import { systemError } from "./system_error.ts";

/** Bun returned up to 544 KiB in one chunk. */
const BODY_CHUNK_BYTES = 576 * 1024;

/** The runtime Bun. Throws a `DownloadError` on a version that silently ignores options. */
export function createNodeRuntime(): Runtime {
  requireSessions();
  return {
    name: "bun",
    clock: systemClock,
    files,
    network: sockets,
    createHttpClient,
    // Bun replaces several leading slashes by one.
    canFetch: ({ pathname }) => !pathname.startsWith("//"),
    bodyChunkBytes: BODY_CHUNK_BYTES,
    followsEnvironment: false,
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

/** Options of Bun's fetch that are not in the standard. */
interface FetchOptions extends RequestInit {
  readonly decompress: false;
  readonly timeout: false;
  readonly session: FetchSession;
  readonly proxy?: false;
}

/** Settings and connections for some fetches. */
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
  readonly Bun: {
    readonly version: string;
    readonly FetchSession: new (options: FetchSessionOptions) => FetchSession;
  };
}

/** A fetch without sessions ignores proxies, certificates and more. */
function requireSessions(): void {
  const { Bun } = globalThis as unknown as Partial<BunGlobal>;
  if (Bun?.FetchSession !== undefined) return;
  const found = Bun === undefined ? "this runtime" : `Bun ${Bun.version}`;
  throw new DownloadError("network", `Cannot run on ${found}: bytehaul needs Bun 1.4 or later, or Deno`);
}

function createHttpClient({ proxy, ...options }: HttpClientOptions): HttpClient {
  const { Bun } = globalThis as unknown as BunGlobal;
  const session = new Bun.FetchSession(sessionOptions({ proxy, ...options }));
  return {
    async get(url, { headers, signal }) {
      const fetchOptions: FetchOptions = {
        headers,
        signal,
        redirect: "manual",
        decompress: false,
        timeout: false,
        session,
        // Otherwise fetch would use a proxy of the environment.
        ...(proxy === undefined && { proxy: false }),
      };
      try {
        return await fetch(url, fetchOptions);
      } catch (error) {
        throw explainFetchFailure(error, url, headers);
      }
    },
    close: () => session.close(),
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

/** Not an import, because the module takes time to load, and few runs need it. */
function rootCertificates(): readonly string[] {
  return process.getBuiltinModule("node:tls").rootCertificates;
}

function withCredentials({ url, username, password }: NonNullable<HttpClientOptions["proxy"]>): string {
  const full = new URL(url);
  full.username = encodeURIComponent(username);
  full.password = encodeURIComponent(password);
  return full.href;
}
