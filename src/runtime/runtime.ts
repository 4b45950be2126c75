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
}

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

/** A lock that the system gives up when its process ends, however it ends. */
export interface FileLock {
  /** Removes the lock file and lets go. */
  release(): Promise<void>;
}

/** Errors carry the system's name in `code`: `ENOSPC`, `EEXIST`, `EACCES` and so on. */
export interface FileSystem {
  /** Makes a new file for reading and writing; `EEXIST` when anything has that name. */
  create(path: string): Promise<RuntimeFile>;
  open(path: string, mode: "read" | "read-write"): Promise<RuntimeFile>;
  /** Looks at the path itself, links not followed; `undefined` when nothing is there. */
  lstat(path: string): Promise<FileInfo | undefined>;
  /** As `lstat`, links followed. */
  stat(path: string): Promise<FileInfo | undefined>;
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
   * Locks the file `path`, which it creates; `undefined` when somebody else holds the lock, `ELOOP` when it is
   * a symbolic link.
   */
  lock(path: string): Promise<FileLock | undefined>;
}

/** What a request needs beside its URL. */
export interface RequestOptions {
  readonly headers: Headers;
  readonly signal: AbortSignal;
}

/** Sends GET requests over its own pool of HTTP/1.1 connections. Never follows a redirect, never decodes. */
export interface HttpClient {
  get(url: string, options: RequestOptions): Promise<Response>;
  /** Closes idle connections. */
  close(): void;
}

/** Everything that differs between Deno and Bun. */
export interface Runtime {
  readonly name: "deno" | "bun" | "node";
  readonly clock: Clock;
  readonly files: FileSystem;
  createHttpClient(options: { readonly maxIdlePerHost: number }): HttpClient;
}
