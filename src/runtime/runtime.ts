/** A clock that tests can replace. */
export interface Clock {
  /** Milliseconds that never run backwards. Only differences have a meaning. */
  monotonicMs(): number;
  /** Milliseconds since 1970, for comparison with dates of a server. */
  wallMs(): number;
  /** Waits `ms` milliseconds. Rejects with the signal's reason when it is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Facts of the file system about a path. */
export interface FileInfo {
  readonly kind: "file" | "directory" | "symlink" | "other";
  readonly size: number;
  /** Identifies one file on this machine; `undefined` if the system cannot. */
  readonly identity: string | undefined;
  /** Time of the last write to its content, in full milliseconds since 1970; `undefined` if unknown. */
  readonly modifiedMs: number | undefined;
  /** Number of its owner; `undefined` on a system without users. */
  readonly owner: number | undefined;
  /** Number of its names; `undefined` if unknown. */
  readonly links: number | undefined;
}

/**
 * Purpose of opening a file. `read` follows links. The others open only a regular file: a link is `ELOOP` if
 * the system can detect it, and a pipe does not block.
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
  /** Makes the contents durable. */
  sync(): Promise<void>;
  stat(): Promise<FileInfo>;
  close(): Promise<void>;
}

/** A lock that ends with its process, also after a crash. */
export interface FileLock {
  /** Number of the user that owns the files of this process there; `undefined` on a system without users. */
  readonly owner: number | undefined;
  /** Whether the file system has no locks, so that the lock file has a process id of this machine instead. */
  readonly isWeak: boolean;
  /** Removes the lock file and releases the lock. */
  release(): Promise<void>;
}

/** Files. Errors have the system's name in `code`: `ENOSPC`, `EEXIST`, `EACCES` and so on. */
export interface FileSystem {
  /** Makes a new file for reading and writing; `EEXIST` when the name is taken. */
  create(path: string): Promise<RuntimeFile>;
  open(path: string, mode: OpenMode): Promise<RuntimeFile>;
  /** Describes the path itself, without following links; `undefined` when nothing has the name. */
  lstat(path: string): Promise<FileInfo | undefined>;
  /** As `lstat`, but follows links. */
  stat(path: string): Promise<FileInfo | undefined>;
  /**
   * Whether this program may read at the path. Without the permission a read fails, or prompts on a terminal.
   */
  mayRead(path: string): Promise<boolean>;
  /** Makes a directory and its missing parents; no error when it exists. */
  makeDirectory(path: string): Promise<void>;
  link(from: string, to: string): Promise<void>;
  /** Renames atomically, and replaces a file named `to`. */
  rename(from: string, to: string): Promise<void>;
  /**
   * Removes one file, or the link itself; `EISDIR` for a directory, and no error when nothing has the name.
   */
  remove(path: string): Promise<void>;
  /** Makes the names in this directory durable, if the system can. */
  syncDirectory(path: string): Promise<void>;
  /** Bytes that this process may still write there; `undefined` if unknown. */
  freeSpace(path: string): Promise<number | undefined>;
  /**
   * Makes and locks the file `path`; `undefined` when another owner has the lock. `ELOOP` for a symbolic
   * link, and an error for anything else but a regular file with one name.
   */
  lock(path: string): Promise<FileLock | undefined>;
}

/** The target of a socket: an IP address, never a name. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** A host by its name or address, and a port. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** A TCP connection. Neither reads nor writes may overlap. */
export interface Connection {
  /** The protocol that was agreed on with TLS (RFC 7301), if that is known. */
  readonly protocol?: string | undefined;
  /**
   * Reads up to `into.length` bytes into the start of `into`, and returns their number; 0 is the end. A
   * connection that breaks is an error, after the bytes that arrived before.
   */
  read(into: Uint8Array<ArrayBuffer>): Promise<number>;
  /** Writes all of `bytes`, as fast as the other side reads. */
  write(bytes: Uint8Array): Promise<void>;
  /** Closes both directions immediately. */
  close(): void;
  /** Closes the connection when nothing passes over it for so long; `undefined` for never. */
  closeAfter(ms: number | undefined): void;
}

/** Certificates and verification of a TLS connection. */
export interface SecureOptions {
  /** Certificates to trust in addition to those of the runtime, in PEM. */
  readonly ca: readonly string[];
  /** The client certificate and its key for servers that request one, in PEM. */
  readonly identity: { readonly cert: string; readonly key: string } | undefined;
  /** Whether the other side must prove that it is the host. */
  readonly isVerified: boolean;
  /**
   * The protocol to agree on (RFC 7301).
   *
   * @default {"http/1.1"}
   */
  readonly protocol?: string;
}

/** Sockets. Errors have the system's name in `code`. */
export interface Network {
  /** Opens a TCP connection. An abort of the signal ends the attempt. */
  connect(
    to: Endpoint,
    options: { readonly localAddress: string | undefined; readonly signal: AbortSignal },
  ): Promise<Connection>;
  /** Sends one datagram. Returns the first answer from its target for which `accepts` returns `true`. */
  exchange(
    to: Endpoint,
    message: Uint8Array,
    accepts: (answer: Uint8Array) => boolean,
    signal: AbortSignal,
  ): Promise<Uint8Array>;
  /** Starts TLS on a connection to a host. Calls `open` again when the handshake needs a second attempt. */
  secure(open: () => Promise<Connection>, to: HostPort, options: SecureOptions): Promise<Connection>;
  /** All addresses of a name from the system, best first. */
  lookup(host: string): Promise<string[]>;
  /** Whether this program may connect to every address. */
  isUnrestricted(): boolean;
  /**
   * Throws a `DownloadError` that names the missing permission unless this program may connect to every address, and
   * reach the host of the URL.
   */
  requireUnrestricted(url: URL): void;
  /** Whether the address belongs to this machine, so that connections can come from it. */
  isLocal(address: string): Promise<boolean>;
}

/** Settings of a request, besides its URL. */
export interface RequestOptions {
  readonly headers: Headers;
  readonly signal: AbortSignal;
}

/** Settings for the connections of a client. */
export interface HttpClientOptions extends Omit<SecureOptions, "isVerified" | "protocol"> {
  /** Idle connections to keep for the next request to a host. */
  readonly maxIdlePerHost: number;
  /** Milliseconds until an idle connection is closed. */
  readonly idleTimeoutMs: number;
}

/** The part of a `Response` that is used. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: Headers;
  /** `null` when there is none. */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>> | null;
  /**
   * Reads the same body without the cost of a stream: fills the start of `into`, and returns the number of
   * bytes; 0 at the end. Only connections of our own have it.
   */
  readonly readInto?: (into: Uint8Array<ArrayBuffer>) => Promise<number>;
}

/**
 * Sends GET requests over its own pool of HTTP/1.1 connections. Never follows a redirect, never decodes a
 * body.
 */
export interface HttpClient {
  /** Rejects with a `DownloadError` if the failure is known, and with any other error if not. */
  get(url: string, options: RequestOptions): Promise<HttpResponse>;
  /** Closes idle connections. Another call also closes those that have become idle since. */
  close(): void;
}

/** What a new thread runs, and who hears of it. */
export interface ThreadOptions<Reply> {
  /** The text of a module. `onmessage` and `postMessage` are global in it. */
  readonly source: string;
  readonly name: string;
  readonly onReply: (reply: Reply) => void;
  /** Called with the message of the error that ended the thread. */
  readonly onFailure: (message: string) => void;
}

/** A running thread. */
export interface Thread {
  post(message: unknown, transfer: readonly ArrayBuffer[]): void;
  /** Ends the thread immediately. */
  end(): void;
}

/** Everything that differs between Deno, Bun and Node. */
export interface Runtime {
  readonly name: "deno" | "bun" | "node";
  readonly clock: Clock;
  readonly files: FileSystem;
  readonly network: Network;
  /**
   * Makes a client on the runtime's own `fetch`, which connects directly, or through a proxy of the environment.
   * `undefined` where all requests go over connections of our own.
   */
  readonly createHttpClient: ((options: HttpClientOptions) => HttpClient) | undefined;
  /** Whether such a client can request this URL. If `isDirect`, it must not use a proxy of the environment. */
  canFetch(url: URL, isDirect: boolean): boolean;
  /** Whether such a client failed with this error although others may succeed. */
  isOwnRefusal(error: unknown): boolean;
  /** Largest chunk of a body in the runtime's own memory; 0 if reads fill the caller's buffer. */
  readonly bodyChunkBytes: number;
  /** A variable of the environment; `undefined` when it is not set or may not be read. */
  environment(name: string): string | undefined;
}
