import { OutputNames } from "../output_names.ts";
import { escapeForTerminal } from "../terminal_text.ts";
import type { DownloadCommand } from "./args.ts";
import { formatBytes, formatPart } from "./format.ts";
import { type Job, jobLabel } from "./job.ts";
import { isPlainUrl } from "./url.ts";

/** How the program was called. */
export interface Invocation {
  readonly argv: readonly string[];
  readonly command: DownloadCommand;
  /** Whether the word `bytehaul` calls it again. */
  readonly isBytehaul: boolean;
}

/** What an interruption left, a line for each download that was paused, and last how to go on. */
export function describeInterruption(
  paused: readonly Job[],
  finishedUrls: readonly string[],
  invocation: Invocation,
): string[] {
  const hasList = invocation.command.inputs.inputFiles !== undefined;
  const isAnythingKept = hasList || paused.some(({ handle }) => isKept(handle.snapshot));
  // Of a list, what had not begun is the rest of it, and goes without saying.
  const told = paused.filter(({ line, handle }) => line === undefined || isKept(handle.snapshot));
  return [...told.map(describeState), howToGoOn(isAnythingKept, finishedUrls, invocation)];
}

function isKept({ path, downloaded }: Job["handle"]["snapshot"]): boolean {
  return path !== undefined && downloaded > 0;
}

function describeState(job: Job): string {
  const { snapshot } = job.handle;
  const { path, downloaded, total } = snapshot;
  if (path === undefined) return `not begun: ${jobLabel(job)}`;
  if (!isKept(snapshot)) return `interrupted; nothing of ${jobLabel(job)} could be kept`;
  const amount = total === undefined ? formatBytes(downloaded) : formatPart(downloaded, total);
  const { part, control } = new OutputNames(path);
  return `interrupted; ${amount} saved in ${part} and ${control}`;
}

/**
 * The command is shown only when it holds no secrets, as what a terminal shows is often logged or shared, and only
 * when it can be pasted. A finished file would be in its own way, and `--no-resume` would throw away what was saved.
 */
function howToGoOn(
  isAnythingKept: boolean,
  finishedUrls: readonly string[],
  { argv, command, isBytehaul }: Invocation,
): string {
  const goOn = isAnythingKept ? "go on" : "begin again";
  const hasList = command.inputs.inputFiles !== undefined;
  const skips = hasList && !command.skipsExisting && !command.specOptions.overwrite
    ? ["--skip-existing"]
    : [];
  const sameInput = command.inputs.inputFiles?.[0] === "-" ? " and the same list on standard input" : "";
  const resumes = command.specOptions.resume ?? true;
  const kept = argv.filter((arg) => arg !== "--no-resume" && !finishedUrls.includes(arg));
  const again = [...skips, ...kept];
  const showable = isBytehaul && !command.hasSecrets && command.urls.every(isPlainUrl) &&
    again.every((arg) => escapeForTerminal(arg) === arg);
  if (showable) return `${goOn} with: bytehaul ${again.map(quoteForShell).join(" ")}${sameInput}`;
  const changes = [
    ...(resumes ? [] : ["--no-resume"]),
    ...(finishedUrls.length === 0 ? [] : ["the URLs that are done"]),
  ];
  const without = changes.length === 0 ? "" : `, without ${changes.join(" and ")},`;
  const withMore = skips.length === 0 ? "" : ` with --skip-existing${sameInput}`;
  return `run the same command again${withMore}${without} to ${goOn}`;
}

function quoteForShell(arg: string): string {
  return /^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", `'\\''`)}'`;
}
