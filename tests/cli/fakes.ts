import assert from "node:assert/strict";
import type { CliHost, CliSignal, PathInfo, Shell } from "../../src/runtime/console/console.ts";
import { DownloadError } from "../../src/errors.ts";
import type { DownloaderOptions, DownloadSpec } from "../../src/options/options.ts";
import { CheckedSpec, type ResolvedSpec } from "../../src/options/resolved_options.ts";
import { resolveDownloaderOptions, resolveSpec } from "../../src/options/resolve_options.ts";
import type { DownloadResult, ProgressSnapshot } from "../../src/types.ts";
import { VirtualClock } from "../helpers/doubles/virtual_clock.ts";

/** A snapshot half-way through 100 MiB, changed as the test needs. */
export function snapshot(changes: Partial<ProgressSnapshot> = {}): ProgressSnapshot {
  return {
    state: "downloading",
    path: "out/disk.iso",
    downloaded: 50 * 2 ** 20,
    total: 100 * 2 ** 20,
    speed: 10 * 2 ** 20,
    etaSeconds: 5,
    connections: 8,
    elapsedMs: 5000,
    retry: undefined,
    ...changes,
  };
}

export function result(changes: Partial<DownloadResult> = {}): DownloadResult {
  return {
    path: "out/disk.iso",
    size: 100 * 2 ** 20,
    fetchedBytes: 100 * 2 ** 20,
    resumedBytes: 0,
    lengthVerified: true,
    checksum: undefined,
    checksumSource: undefined,
    elapsedMs: 10_000,
    ...changes,
  };
}

/** The bytes of a text. */
export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Records what is written; signals are sent by the test. */
export class FakeHost implements CliHost {
  readonly args: readonly string[] = [];
  isBytehaul = true;
  stdout = "";
  stderr = "";
  readonly exits: number[] = [];
  width = 80;
  /** Time passes only when the test says so. */
  readonly clock = new VirtualClock();
  /** The environment. */
  readonly variables: Record<string, string> = {};
  /** Texts of files by path; all else does not exist. */
  readonly files: Record<string, string> = {};
  /** Permission bits of files that differ from those of a secret. */
  readonly modes: Record<string, number> = {};
  readonly directories: string[] = [];
  stdin = "";
  /** Why standard output takes nothing more. */
  lost: string | undefined;
  shell: Shell | undefined;
  #listeners = new Set<(signal: CliSignal) => void>();

  readonly isTerminal: boolean;

  constructor(isTerminal: boolean = false) {
    this.isTerminal = isTerminal;
  }

  columns(): number {
    return this.width;
  }

  writeStdout(text: string): void {
    this.stdout += text;
  }

  writeStderr(text: string): void {
    this.stderr += text;
  }

  variable(name: string): string | undefined {
    return this.variables[name];
  }

  readText(path: string): Promise<string> {
    const text = this.files[path];
    return text === undefined ? Promise.reject(new Error("it does not exist")) : Promise.resolve(text);
  }

  async *readChunks(path: string): AsyncGenerator<Uint8Array> {
    yield utf8(await this.readText(path));
  }

  async *readStdinChunks(): AsyncGenerator<Uint8Array> {
    yield utf8(await this.readStdin());
  }

  readStdin(): Promise<string> {
    return Promise.resolve(this.stdin);
  }

  look(path: string): Promise<PathInfo | undefined> {
    if (this.directories.includes(path)) return Promise.resolve({ kind: "directory", mode: 0o755 });
    return Promise.resolve(
      path in this.files ? { kind: "file", mode: this.modes[path] ?? 0o600 } : undefined,
    );
  }

  openShell(): Shell {
    if (this.shell === undefined) throw new Error("Deno gives no access to it; run with --allow-run");
    return this.shell;
  }

  onSignal(_signals: readonly CliSignal[], listener: (signal: CliSignal) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  signal(name: CliSignal = "SIGINT"): void {
    for (const listener of this.#listeners) listener(name);
  }

  flush(): Promise<string | undefined> {
    return Promise.resolve(this.lost);
  }

  exit(status: number): void {
    this.exits.push(status);
  }
}

/** A download whose end the test decides; pausing it ends it as a real one does. */
export class FakeHandle {
  readonly #end = Promise.withResolvers<DownloadResult>();
  pauses = 0;

  snapshot: ProgressSnapshot;

  constructor(snapshot: ProgressSnapshot) {
    this.snapshot = snapshot;
    this.#end.promise.catch(() => {});
  }

  wait(): Promise<DownloadResult> {
    return this.#end.promise;
  }

  finish(changes: Partial<DownloadResult> = {}): void {
    this.snapshot = { ...this.snapshot, state: "completed" };
    this.#end.resolve(result(changes));
  }

  fail(error: unknown): void {
    this.snapshot = { ...this.snapshot, state: "failed" };
    this.#end.reject(error);
  }

  pause(): void {
    this.pauses++;
    if (this.snapshot.state === "completed" || this.snapshot.state === "failed") return;
    this.snapshot = { ...this.snapshot, state: "paused" };
    this.#end.reject(new DownloadError("paused", "Cannot finish: paused"));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ProgressSnapshot> {
    yield this.snapshot;
    await this.#end.promise.catch(() => {});
    yield this.snapshot;
  }
}

/** A spec as it is once it was checked, with its header fields as a list, which compares. */
export function resolved(spec: DownloadSpec): ResolvedFake {
  const { headers, ...rest } = resolveSpec(spec);
  return { ...rest, headers: [...headers] };
}

type ResolvedFake = Omit<ResolvedSpec, "headers"> & { readonly headers: [string, string][] };

/** Records what it is asked for, and lets `onDownload` decide what comes of it. */
export class FakeDownloader {
  readonly specs: DownloadSpec[] = [];
  readonly handles: FakeHandle[] = [];
  options: DownloaderOptions = {};
  closes = 0;

  readonly onDownload: (handle: FakeHandle, index: number) => void;

  constructor(onDownload: (handle: FakeHandle, index: number) => void = (handle) => handle.finish()) {
    this.onDownload = onDownload;
  }

  download(spec: DownloadSpec): FakeHandle {
    const handle = new FakeHandle(
      snapshot({ path: `out/${String(spec.url).split("/").at(-1)?.split("?")[0]}` }),
    );
    this.specs.push(spec);
    this.handles.push(handle);
    this.onDownload(handle, this.handles.length - 1);
    return handle;
  }

  /** What it is asked for, in the form of {@linkcode resolved}. */
  get resolved(): ResolvedFake[] {
    return this.specs.map((spec) => {
      assert.ok(spec instanceof CheckedSpec, "the command hands on what it has checked");
      return resolved(spec);
    });
  }

  close(): Promise<void> {
    this.closes++;
    return Promise.resolve();
  }

  /** For `runCli()`; judges as the real one does. */
  readonly create = (options: DownloaderOptions): this => {
    resolveDownloaderOptions(options);
    this.options = options;
    return this;
  };
}
