/** Time, so that tests can own it. */
export interface Clock {
  /** Milliseconds that never run backwards; only differences mean anything. */
  monotonicMs(): number;
  /** Milliseconds since 1970, for comparing with dates that a server sends. */
  wallMs(): number;
  /** Waits; rejects with the signal's reason when it is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** What the file system knows about a path. */
export interface FileInfo {
  readonly kind: "file" | "directory" | "symlink" | "other";
  readonly size: number;
  /** Names one file on this machine, or `undefined` where the system has no such thing. */
  readonly identity: string | undefined;
  /** When its content was last written, in whole milliseconds since 1970; `undefined` where that cannot be told. */
  readonly modifiedMs: number | undefined;
  /** Number of the user whose it is, or `undefined` where the system has no such thing. */
  readonly owner: number | undefined;
  /** How many names it has, or `undefined` where that cannot be told. */
  readonly links: number | undefined;
}

/**
 * What a file is opened for. `read` follows links. The others take nothing but a file that is one itself: a link is
 * `ELOOP` where the system can tell, and no pipe is waited for.
 */
export type OpenMode = "read" | "read-own" | "read-write";

/**
 * An open file. Positions are absolute, but reads and writes of one file must not overlap; `sync` and `stat`
 * may come at any time.
 */
export interface RuntimeFile {
  /** Reads up to `buffer.length` bytes; 0 is the end of the file. */
  read(buffer: Uint8Array, position: number): Promise<number>;
  /** Writes all of `data`. */
  write(data: Uint8Array, position: number): Promise<void>;
  truncate(size: number): Promise<void>;
  /** Returns once the contents are on stable storage. */
  sync(): Promise<void>;
  stat(): Promise<FileInfo>;
  close(): Promise<void>;
}

/** A lock that ends with its process, however that ends. */
export interface FileLock {
  /** The user to whom files belong that this process makes there, or `undefined` where there are no users. */
  readonly owner: number | undefined;
  /** Whether the file system has no locks, so that the file holds a process id of this machine instead. */
  readonly isWeak: boolean;
  /** Removes the lock file and lets go. */
  release(): Promise<void>;
}

/** Errors carry the system's name in `code`: `ENOSPC`, `EEXIST`, `EACCES` and so on. */
export interface FileSystem {
  /** Makes a new file for reading and writing; `EEXIST` when anything has that name. */
  create(path: string): Promise<RuntimeFile>;
  open(path: string, mode: OpenMode): Promise<RuntimeFile>;
  /** Looks at the path itself, links not followed; `undefined` when nothing is there. */
  lstat(path: string): Promise<FileInfo | undefined>;
  /** As `lstat`, links followed. */
  stat(path: string): Promise<FileInfo | undefined>;
  /** Whether this program may look at the path; where not, looking fails or asks on a terminal. */
  mayRead(path: string): Promise<boolean>;
  /** Makes a directory and those above it that are missing; no error when it is there. */
  makeDirectory(path: string): Promise<void>;
  link(from: string, to: string): Promise<void>;
  /** Atomic; takes the place of what has the name `to`. */
  rename(from: string, to: string): Promise<void>;
  /** Removes one file, or the link itself; `EISDIR` for a directory, and no error when nothing is there. */
  remove(path: string): Promise<void>;
  /** Makes names in this directory durable, where the system can. */
  syncDirectory(path: string): Promise<void>;
  /** Bytes this process may still write there, or `undefined` when that cannot be told. */
  freeSpace(path: string): Promise<number | undefined>;
  /**
   * Locks the file `path`, which it makes; `undefined` when somebody else holds the lock. `ELOOP` when it is a symbolic
   * link, and an error as well when it is anything else than a file of one name.
   */
  lock(path: string): Promise<FileLock | undefined>;
}

/** Where a socket goes: an IP address, never a name. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** A TCP connection. Reads must not overlap, nor writes. */
export interface Connection {
  /** The next bytes, `undefined` at the end. */
  read(): Promise<Uint8Array | undefined>;
  /** Takes all of `bytes`, as fast as the other side does. */
  write(bytes: Uint8Array): Promise<void>;
  /** Tells the other side that nothing more comes. */
  end(): Promise<void>;
  /** Closes both directions at once. */
  close(): void;
  /** As `close`, so that the other side takes it for a failure and not for an end. */
  reset(): void;
}

/** Accepts connections on loopback until it is closed. Does not keep the process alive. */
export interface Listener {
  readonly port: number;
  close(): void;
}

/** How both ends of a TLS connection prove who they are. */
export interface SecureOptions {
  /** Certificates to trust beside those of the runtime, in PEM. */
  readonly ca: readonly string[];
  /** What to show to who asks who we are, in PEM. */
  readonly identity: { readonly cert: string; readonly key: string } | undefined;
  /** Whether the other end must prove that it is the host. */
  readonly isVerified: boolean;
}

/** Sockets. Errors carry the system's name in `code`. */
export interface Network {
  /** Opens a TCP connection; closes the attempt when the signal is aborted. */
  connect(
    to: Endpoint,
    options: { readonly localAddress: string | undefined; readonly signal: AbortSignal },
  ): Promise<Connection>;
  /** Accepts connections from this machine. */
  listen(onConnection: (connection: Connection) => void): Promise<Listener>;
  /** Sends one datagram, and returns the first answer from there that `accepts` takes. */
  exchange(
    to: Endpoint,
    message: Uint8Array,
    accepts: (answer: Uint8Array) => boolean,
    signal: AbortSignal,
  ): Promise<Uint8Array>;
  /** Speaks TLS over a connection to `host`. */
  secure(connection: Connection, host: string, options: SecureOptions): Promise<Connection>;
  /** All addresses that the system knows for a name, best first. */
  lookup(host: string): Promise<string[]>;
  /** Whether every address may be reached and listened on. */
  isUnrestricted(): boolean;
  /** Throws a `DownloadError` that names the permission that is missing for that, on the way to `host`. */
  requireUnrestricted(host: string): void;
  /** Whether connections may come from this address, which is so when it belongs to this machine. */
  isLocal(address: string): Promise<boolean>;
}

/** What a request needs beside its URL. */
export interface RequestOptions {
  readonly headers: Headers;
  readonly signal: AbortSignal;
  /** Whether a server chose the URL: then nobody is asked on a terminal whether the host may be reached. */
  readonly isRedirected?: boolean;
}

/** What the connections of a client are like. */
export interface HttpClientOptions extends Omit<SecureOptions, "isVerified"> {
  /** Idle connections to keep for the next request to a host. */
  readonly maxIdlePerHost: number;
  /** After how long an idle connection is closed. */
  readonly idleTimeoutMs: number;
  /** An `http:` or `https:` URL without user and password. */
  readonly proxy: { readonly url: string; readonly username: string; readonly password: string } | undefined;
}

/** Sends GET requests over its own pool of HTTP/1.1 connections. Never follows a redirect, never decodes. */
export interface HttpClient {
  /** Rejects with a `DownloadError` where it can tell what is wrong, and with anything else otherwise. */
  get(url: string, options: RequestOptions): Promise<Response>;
  /** Closes idle connections, and those that have become so since when it is called again. */
  close(): void;
}

/** Everything that differs between Deno and Bun. */
export interface Runtime {
  readonly name: "deno" | "bun" | "node";
  readonly clock: Clock;
  readonly files: FileSystem;
  readonly network: Network;
  createHttpClient(options: HttpClientOptions): HttpClient;
  /** Whether a client without a proxy sends a request for this URL, and every byte of its path. */
  canFetch(url: URL): boolean;
  /** The most that a body hands over at once in memory of the runtime's own; 0 where it fills what it is given. */
  readonly bodyChunkBytes: number;
  /** Whether a client without a proxy takes one that the environment names. */
  readonly followsEnvironment: boolean;
  /** A variable of the environment, `undefined` as well when it may not be read. */
  environment(name: string): string | undefined;
}
