import { DownloadQueue } from "../../../src/queue/download_queue.ts";
import type { DownloaderOptions } from "../../../src/options/options.ts";
import { resolveDownloaderOptions } from "../../../src/options/resolve_options.ts";
import { ownClient } from "../client_options.ts";
import { detectRuntime } from "../../../src/runtime/detect.ts";
import type {
  Clock,
  FileSystem,
  HttpClient,
  Network,
  Runtime,
  RuntimeFile,
} from "../../../src/runtime/runtime.ts";

/** What a test puts in the place of the real thing; everything else stays real. */
export interface RuntimeOverrides {
  readonly clock?: Clock;
  readonly files?: Partial<FileSystem>;
  /** Called for every file that is opened or created; returns the file to use. */
  readonly file?: (file: RuntimeFile, path: string) => RuntimeFile;
  readonly client?: (client: HttpClient) => HttpClient;
  readonly network?: Partial<Network>;
  /** In place of the whole environment. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** The runtime the test runs on, with parts of it replaced. */
export function runtimeWith(overrides: RuntimeOverrides): Runtime {
  const real = detectRuntime();
  const wrap = overrides.file ?? ((file) => file);
  return {
    ...real,
    clock: overrides.clock ?? real.clock,
    files: {
      ...real.files,
      create: async (path) => wrap(await real.files.create(path), path),
      open: async (path, mode) => wrap(await real.files.open(path, mode), path),
      ...overrides.files,
    },
    network: { ...real.network, ...overrides.network },
    environment: (name) =>
      overrides.environment === undefined ? real.environment(name) : overrides.environment[name],
    ...(overrides.client && {
      canFetch: () => true,
      createHttpClient: (options) => overrides.client!(real.createHttpClient?.(options) ?? ownClient(real)),
    }),
  };
}

/** A file that behaves as `file` but for what is overridden. */
export function fileWith(file: RuntimeFile, overrides: Partial<RuntimeFile>): RuntimeFile {
  return {
    read: (buffer, position) => file.read(buffer, position),
    write: (data, position) => file.write(data, position),
    truncate: (size) => file.truncate(size),
    sync: () => file.sync(),
    stat: () => file.stat(),
    close: () => file.close(),
    ...overrides,
  };
}

/** A file that has only these calls; every other one fails the test. */
export function stubFile(calls: Partial<RuntimeFile>): RuntimeFile {
  const unexpected = (): Promise<never> =>
    Promise.reject(new Error("The test expects no such call of the file"));
  return {
    read: unexpected,
    write: unexpected,
    truncate: unexpected,
    sync: unexpected,
    stat: unexpected,
    close: unexpected,
    ...calls,
  };
}

/** An error as the system makes it. */
export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: made by a test`), { code });
}

/** What stands behind a `Downloader`, on a runtime of the test's own. */
export function queueOn(runtime: Runtime, options: DownloaderOptions = {}): DownloadQueue {
  return new DownloadQueue(runtime, resolveDownloaderOptions(options));
}
