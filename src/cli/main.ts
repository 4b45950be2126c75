import { Downloader } from "../../mod.ts";
import type { DownloaderOptions, DownloadSpec } from "../options.ts";
import { resolveSpec, SPEC_NUMBERS } from "../resolve_options.ts";
import type { CliHost } from "../runtime/console.ts";
import { VERSION } from "../version.ts";
import { type CliCommand, type DownloadCommand, parseArgs } from "./args.ts";
import { describeFailure, ExitStatus, type Failure } from "./failure.ts";
import { inFlags } from "./flag_names.ts";
import { helpText } from "./help.ts";
import { type CompleteCommand, readInputs } from "./inputs.ts";
import { describeInterruption } from "./interruption.ts";
import type { Job, JobHandle } from "./job.ts";
import { JsonReporter } from "./json_reporter.ts";
import { message } from "./message.ts";
import type { Reporter } from "./reporter.ts";
import { onStopSignals } from "./stop_signals.ts";
import { TextReporter } from "./text_reporter.ts";
import { UsageError } from "./usage_error.ts";
import { runVerify } from "./verify.ts";

/** What the command needs of a downloader. */
export interface CliDownloader {
  download(spec: DownloadSpec): JobHandle;
  close(): Promise<void>;
}

/** Makes the downloader of a run. */
export type CreateDownloader = (options: DownloaderOptions) => CliDownloader;

/** Does what a command line asks for and returns the exit status. `now` is a monotonic clock in milliseconds. */
export async function runCli(
  argv: readonly string[],
  host: CliHost,
  createDownloader: CreateDownloader = (options) => new Downloader(options),
  now: () => number = () => performance.now(),
): Promise<number> {
  const status = await obey(argv, host, createDownloader, now);
  const lost = await host.flush();
  if (lost === undefined) return status;
  host.writeStderr(`${message(`Cannot write to standard output: ${lost}`)}\n`);
  await host.flush();
  return status === ExitStatus.done ? ExitStatus.failed : status;
}

async function obey(
  argv: readonly string[],
  host: CliHost,
  createDownloader: CreateDownloader,
  now: () => number,
): Promise<number> {
  let command: CliCommand;
  try {
    command = parseArgs(argv);
  } catch (error) {
    return refuse(host, error);
  }
  switch (command.kind) {
    case "help":
      host.writeStdout(helpText());
      return ExitStatus.done;
    case "version":
      host.writeStdout(`bytehaul ${VERSION}\n`);
      return ExitStatus.done;
    case "download":
      return await runDownloads(argv, command, host, createDownloader, now);
    case "verify":
      return await runVerify(command, host, now).catch((error: unknown) => refuse(host, error));
  }
}

async function runDownloads(
  argv: readonly string[],
  command: DownloadCommand,
  host: CliHost,
  createDownloader: CreateDownloader,
  now: () => number,
): Promise<number> {
  const reporter: Reporter = command.json ? new JsonReporter(host, command) : new TextReporter(host, command);
  let complete: CompleteCommand | undefined;
  let downloader: CliDownloader;
  try {
    complete = await readInputs(command, host);
    // All are judged before the first one starts.
    for (const spec of complete.specs) resolveSpec(spec);
    downloader = createDownloader({
      ...complete.options,
      logger: (level, text) => reporter.log(level, inFlags(text)),
    });
  } catch (error) {
    return refuse(host, error, complete?.files);
  }
  const jobs = complete.specs.map((spec, index): Job => ({
    url: spec.url,
    index,
    handle: downloader.download(spec),
  }));
  const stopListening = onStopSignals(host, now, {
    first: () => {
      for (const { handle } of jobs) handle.pause();
    },
    again: () => host.exit(ExitStatus.interrupted),
  });
  const { maxRetries = SPEC_NUMBERS.maxRetries.default, maxRetryElapsedMs } = command.specOptions;
  const tries = maxRetryElapsedMs === undefined ? maxRetries + 1 : undefined;
  let failures: readonly (Failure | undefined)[];
  try {
    reporter.start(jobs);
    failures = await Promise.all(jobs.map((job) => settle(job, reporter, tries)));
    await downloader.close();
  } finally {
    reporter.stop();
    stopListening();
  }
  const paused = jobs.filter(({ index }) => failures[index]?.code === "paused");
  if (paused.length === 0) return Math.max(...failures.map((it) => it?.exitStatus ?? ExitStatus.done));
  const { isBytehaul } = host;
  const finished = jobs.filter(({ index }) => failures[index] === undefined).map(({ url }) => url);
  for (const line of describeInterruption(paused, finished, { argv, command, isBytehaul })) {
    host.writeStderr(`${message(line)}\n`);
  }
  return ExitStatus.interrupted;
}

/** Sees one download to its end; the others do not depend on how it ends. */
async function settle(
  job: Job,
  reporter: Reporter,
  tries: number | undefined,
): Promise<Failure | undefined> {
  const followed = reporter.follow(job);
  const outcome = await job.handle.wait().then(
    (result) => ({ result, failure: undefined }),
    (error: unknown) => ({ result: undefined, failure: describeFailure(error, tries) }),
  );
  await followed;
  if (outcome.failure === undefined) reporter.finished(job, outcome.result);
  else reporter.failed(job, outcome.failure);
  return outcome.failure;
}

function refuse(host: CliHost, error: unknown, files?: CompleteCommand["files"]): number {
  const text = error instanceof Error ? error.message : String(error);
  // What the command itself says is in its own words.
  host.writeStderr(`${message(error instanceof UsageError ? text : inFlags(text, files))}\n`);
  return ExitStatus.usage;
}
