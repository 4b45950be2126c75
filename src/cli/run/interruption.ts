import { OutputNames } from "../../lib/output_names.ts";
import { escapeForTerminal } from "../../lib/terminal_text.ts";
import type { DownloadCommand } from "../flags/args.ts";
import { formatBytes, formatPart } from "../report/format.ts";
import { type Job, jobLabel } from "./job.ts";
import { isPlainUrl } from "../inputs/url.ts";

/** How the program was called. */
export interface Invocation {
  readonly argv: readonly string[];
  readonly command: DownloadCommand;
  /** Whether the word `bytehaul` calls it again. */
  readonly isBytehaul: boolean;
}

/** A download that failed and left something to go on with. */
export interface KeptJob {
  readonly job: Job;
  /** What the server answered, if that is why it failed. */
  readonly httpStatus: number | undefined;
}

/** How many of them are told one by one. */
const MAX_KEPT_LINES = 3;
/** What a server says to a URL that has expired. */
const EXPIRED: readonly (number | undefined)[] = [401, 403, 404, 410];

/** What failed downloads left, and last how to go on; nothing where they left nothing. */
export function describeKept(
  kept: readonly KeptJob[],
  finishedUrls: readonly string[],
  invocation: Invocation,
): string[] {
  if (kept.length === 0) return [];
  const told = kept.slice(0, MAX_KEPT_LINES).map(({ job }) =>
    `unfinished; ${savedPart(job.handle.snapshot)}`
  );
  const more = kept.length - told.length;
  const mayBeExpired = kept.some(({ httpStatus }) => EXPIRED.includes(httpStatus));
  return [
    ...told,
    ...(more > 0 ? [`${more} more are unfinished, and saved like these`] : []),
    howToGoOn(true, finishedUrls, invocation),
    ...(mayBeExpired ? ["where a URL has expired, a new one of the same file goes on with it"] : []),
  ];
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
  if (snapshot.path === undefined) return `not begun: ${jobLabel(job)}`;
  if (!isKept(snapshot)) return `interrupted; nothing of ${jobLabel(job)} could be kept`;
  return `interrupted; ${savedPart(snapshot)}`;
}

function savedPart({ path, downloaded, total }: Job["handle"]["snapshot"]): string {
  const amount = total === undefined ? formatBytes(downloaded) : formatPart(downloaded, total);
  const { part, control } = new OutputNames(path ?? "");
  return `${amount} saved in ${part} and ${control}`;
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
  const { overwrite, rename } = command.specOptions;
  const skips = hasList && !command.skipsExisting && !overwrite && !rename ? ["--skip-existing"] : [];
  const sameInput = command.inputs.inputFiles?.[0] === "-" ? " and the same list on standard input" : "";
  const resumes = command.specOptions.resume ?? true;
  const kept = argv.filter((arg) => arg !== "--no-resume" && !finishedUrls.includes(arg));
  const again = [...skips, ...kept];
  // With --rename a finished file would get a second name.
  const isListDone = hasList && rename === true;
  const showable = isBytehaul && !isListDone && !command.hasSecrets && command.urls.every(isPlainUrl) &&
    again.every((arg) => escapeForTerminal(arg) === arg);
  if (showable) return `${goOn} with: bytehaul ${again.map(quoteForShell).join(" ")}${sameInput}`;
  const changes = [
    ...(resumes ? [] : ["--no-resume"]),
    ...(finishedUrls.length === 0 ? [] : ["the URLs that are done"]),
    ...(isListDone ? ["the lines that are done"] : []),
  ];
  const without = changes.length === 0 ? "" : `, without ${changes.join(" and ")},`;
  const withMore = skips.length === 0 ? "" : ` with --skip-existing${sameInput}`;
  return `run the same command again${withMore}${without} to ${goOn}`;
}

function quoteForShell(arg: string): string {
  return /^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", `'\\''`)}'`;
}
