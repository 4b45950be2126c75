import { Downloader } from "../../mod.ts";
import type { DownloaderOptions, DownloadSpec } from "../options/options.ts";
import { DOWNLOADER_DEFAULTS, SPEC_DEFAULTS } from "../options/defaults.ts";
import type { CheckedSpec } from "../options/resolved_options.ts";
import { type CliHost, createConsole } from "../runtime/console/console.ts";
import { VERSION } from "../version.ts";
import { type CliCommand, type DownloadCommand, parseArgs, requestsJson } from "./flags/args.ts";
import { Batch } from "./run/batch.ts";
import { ExitStatus } from "./run/failure.ts";
import { inFlags } from "./flags/in_flags.ts";
import type { InputList } from "./list/input_list.ts";
import { type CompleteCommand, readInputs } from "./inputs/inputs.ts";
import { specsFor } from "./inputs/specs_for.ts";
import type { JobHandle } from "./run/job.ts";
import { message } from "./report/message.ts";
import type { Reporter } from "./report/reporter.ts";
import { onStopSignals } from "./run/stop_signals.ts";
import { TextReporter } from "./report/text_reporter.ts";

/** How many entries of a list may wait for their hosts, in addition to the running ones. */
const LOOKAHEAD = 1000;

/** The part of a downloader that the command uses. */
export interface CliDownloader {
  download(spec: DownloadSpec): JobHandle;
  close(): Promise<void>;
}

/** Makes the downloader of a run. */
export type CreateDownloader = (options: DownloaderOptions) => CliDownloader;

/** Runs the command line of this process and ends the process. */
export async function runProcess(): Promise<void> {
  const host = createConsole();
  host.exit(await runCli(host.args, host));
}

/** Runs a command line and returns the exit status. Modules that most runs do not need are loaded late. */
export async function runCli(
  argv: readonly string[],
  host: CliHost,
  createDownloader: CreateDownloader = (options) => new Downloader(options),
): Promise<number> {
  const status = await dispatch(argv, host, createDownloader);
  const lost = await host.flush();
  if (lost === undefined) return status;
  host.writeStderr(`${message(`Cannot write to standard output: ${lost}`)}\n`);
  await host.flush();
  return status === ExitStatus.done ? ExitStatus.failed : status;
}

async function dispatch(
  argv: readonly string[],
  host: CliHost,
  createDownloader: CreateDownloader,
): Promise<number> {
  let command: CliCommand;
  try {
    command = parseArgs(argv);
  } catch (error) {
    return await refuse(host, error, requestsJson(argv));
  }
  switch (command.kind) {
    case "help":
      host.writeStdout((await import("./flags/help.ts")).helpText());
      return ExitStatus.done;
    case "version":
      host.writeStdout(`bytehaul ${VERSION}\n`);
      return ExitStatus.done;
    case "download":
      return await runDownloads(argv, command, host, createDownloader);
    case "verify": {
      const { runVerify } = await import("./run/verify.ts");
      return await runVerify(command, host).catch((error: unknown) => refuse(host, error, command.json));
    }
  }
}

async function runDownloads(
  argv: readonly string[],
  command: DownloadCommand,
  host: CliHost,
  createDownloader: CreateDownloader,
): Promise<number> {
  const reporter = await createReporter(command, host);
  let complete: CompleteCommand | undefined;
  let specs: CheckedSpec[];
  let list: InputList | undefined;
  let downloader: CliDownloader;
  try {
    complete = await readInputs(command, host);
    const specFor = specsFor(complete.specOptions);
    // All specs are checked before the first download starts.
    specs = command.urls.map((url) => specFor(url));
    const [path] = command.inputs.inputFiles ?? [];
    if (path !== undefined) {
      const { InputList } = await import("./list/input_list.ts");
      list = await InputList.open(path, host, specFor);
    }
    downloader = createDownloader({
      ...complete.options,
      uniqueOutputs: true,
      logger: (level, text) => reporter.log(level, text),
    });
  } catch (error) {
    return await refuse(host, error, command.json, complete?.files);
  }
  const { maxRetries = SPEC_DEFAULTS.maxRetries, maxRetryElapsedMs } = command.specOptions;
  const { maxConcurrentDownloads = DOWNLOADER_DEFAULTS.maxConcurrentDownloads, maxDownloadsPerHost } =
    complete.options;
  const batch = new Batch({
    ...{ download: (spec) => downloader.download(spec), reporter, host },
    skipsExisting: command.skipsExisting,
    // With a limit for each host, more of the list is read to find other hosts.
    listWindow: maxConcurrentDownloads + (maxDownloadsPerHost === undefined ? 0 : LOOKAHEAD),
    tries: maxRetryElapsedMs === undefined ? maxRetries + 1 : undefined,
  }, list);
  const stopListening = onStopSignals(host, {
    first: () => batch.stop(),
    again: () => host.exit(ExitStatus.interrupted),
  });
  let status: number;
  try {
    status = await batch.run(specs);
    const unused = list?.unusedOptions ?? [];
    if (unused.length > 0) {
      reporter.log("warn", `options of the list that have no effect: ${unused.join(", ")}`);
    }
    await downloader.close();
  } finally {
    reporter.stop();
    stopListening();
  }
  for (const line of await closingLines(batch, argv, command, host)) host.writeStderr(`${message(line)}\n`);
  return batch.isInterrupted ? ExitStatus.interrupted : status;
}

async function createReporter(command: DownloadCommand, host: CliHost): Promise<Reporter> {
  if (!command.json) return new TextReporter(host, command);
  const { JsonReporter } = await import("./report/json_reporter.ts");
  return new JsonReporter(host, command);
}

/** What the user can do about downloads that did not complete. */
async function closingLines(
  { paused, kept, finishedUrls, isInterrupted }: Batch,
  argv: readonly string[],
  command: DownloadCommand,
  { isBytehaul }: CliHost,
): Promise<readonly string[]> {
  if (!isInterrupted && (command.quiet || kept.length === 0)) return [];
  const { describeInterruption, describeKept } = await import("./run/interruption.ts");
  const invocation = { argv, command, isBytehaul };
  return isInterrupted
    ? describeInterruption(paused, finishedUrls, invocation)
    : describeKept(kept, finishedUrls, invocation);
}

/** Reports wrong usage. */
async function refuse(
  host: CliHost,
  error: unknown,
  json: boolean,
  files?: CompleteCommand["files"],
): Promise<number> {
  const text = inFlags(error, files);
  if (json) {
    const { encodeJsonLine } = await import("./report/json_lines.ts");
    host.writeStdout(encodeJsonLine({ type: "error", code: "usage", message: text, retryable: false }));
  }
  host.writeStderr(`${message(text)}\n`);
  return ExitStatus.usage;
}
