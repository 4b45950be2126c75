import { basename, dirname, isAbsolute, join } from "node:path";
import { parseChecksumList, verify, type VerifyOptions, type VerifyResult } from "../../../mod.ts";
import { OptionError } from "../../option_error.ts";
import { DownloadError } from "../../errors.ts";
import type { CliHost } from "../../runtime/console/console.ts";
import type { VerifyCommand } from "../flags/args.ts";
import { describeFailure, ExitStatus } from "./failure.ts";
import { onStopSignals } from "./stop_signals.ts";
import { JsonVerifyReporter, TextVerifyReporter, type VerifyReporter } from "../report/verify_report.ts";

/** Checks one file. */
export type VerifyFile = (path: string, options: VerifyOptions) => Promise<VerifyResult>;

/** A file, and the checksum that it is compared with. */
interface Target {
  readonly path: string;
  readonly options: Pick<VerifyOptions, "checksum" | "checksumFile">;
}

/** Checks the files of a command one after the other, and returns the exit status. */
export async function runVerify(
  command: VerifyCommand,
  host: CliHost,
  verifyFile: VerifyFile = verify,
): Promise<number> {
  const reporter: VerifyReporter = command.json
    ? new JsonVerifyReporter(host, command.quiet)
    : new TextVerifyReporter(host, command.quiet);
  const stop = new AbortController();
  const stopListening = onStopSignals(host, {
    first: () => stop.abort(),
    again: () => host.exit(ExitStatus.interrupted),
  });
  try {
    const targets = await findTargets(command, host).catch((error: unknown) => {
      reporter.failed(command.checksumFile ?? "", describeFailure(error));
      return undefined;
    });
    if (targets === undefined) return ExitStatus.failed;
    // Without files, each line of the list supplies a checksum for one file. Its source is still the list.
    const source = command.checksumFile === undefined ? "checksum" : "checksumFile";
    let matching = 0;
    for (const target of targets) {
      const result = await check(target, reporter, stop.signal, verifyFile);
      if (stop.signal.aborted) return ExitStatus.interrupted;
      if (result === undefined) continue;
      reporter.checked(result.source === "controlFile" ? result : { ...result, source });
      if (result.matches) matching++;
    }
    reporter.summary(matching, targets.length);
    return matching === targets.length ? ExitStatus.done : ExitStatus.failed;
  } finally {
    reporter.stop();
    stopListening();
  }
}

/**
 * The result of a file. A file that could not be checked is reported and gives `undefined`. Throws for a checksum that
 * is not one.
 */
async function check(
  { path, options }: Target,
  reporter: VerifyReporter,
  signal: AbortSignal,
  verifyFile: VerifyFile,
): Promise<VerifyResult | undefined> {
  const onProgress = (checked: number, total: number) => reporter.progress(path, checked, total);
  try {
    return await verifyFile(path, { ...options, signal, onProgress });
  } catch (error) {
    if (error instanceof OptionError && error.option === "checksum") throw error;
    if (!signal.aborted) reporter.failed(path, describeFailure(error));
    return undefined;
  }
}

/** The files of the command. Where it names none, they are the files of the list, in the directory of the list. */
async function findTargets(
  { files, checksum, checksumFile }: VerifyCommand,
  host: CliHost,
): Promise<readonly Target[]> {
  if (files.length > 0 || checksumFile === undefined) {
    const options = {
      ...(checksum === undefined ? {} : { checksum }),
      ...(checksumFile === undefined ? {} : { checksumFile }),
    };
    return files.map((path) => ({ path, options }));
  }
  const list = await host.readText(checksumFile).catch((cause: Error) => {
    throw new DownloadError("storage", `Cannot read "${checksumFile}": ${cause.message}`, { cause });
  });
  const targets = parseChecksumList(list, basename(checksumFile)).flatMap(({ name, checksum }) =>
    name === undefined ? [] : [{ path: beside(checksumFile, name), options: { checksum } }]
  );
  if (targets.length > 0) return targets;
  throw new DownloadError(
    "checksum_list",
    `Cannot use the checksum list "${checksumFile}": it names no file; name the file to verify`,
  );
}

function beside(listPath: string, name: string): string {
  return isAbsolute(name) ? name : join(dirname(listPath), name);
}
