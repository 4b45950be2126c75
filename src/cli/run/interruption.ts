import { OutputNames } from "../../lib/output_names.ts";
import { escapeForTerminal } from "../../lib/terminal_text.ts";
import type { DownloadCommand } from "../flags/args.ts";
import { formatBytes, formatPart } from "../report/format.ts";
import { type Job, jobLabel } from "./job.ts";
import { isPlainUrl } from "../inputs/url.ts";

/** How the user started the program. */
export interface Invocation {
  readonly argv: readonly string[];
  readonly command: DownloadCommand;
  /** Whether the command `bytehaul` starts it again. */
  readonly isBytehaul: boolean;
}

/** A download that an interruption paused. */
export interface PausedJob {
  readonly job: Job;
  /** Why nothing of it could be kept, if that is known. */
  readonly obstacle: string | undefined;
}

/** A download that failed and left data to resume from. */
export interface KeptJob {
  readonly job: Job;
  /** The HTTP status that caused the failure, if one did. */
  readonly httpStatus: number | undefined;
}

/** How many failed downloads get a line of their own. */
const MAX_KEPT_LINES = 3;
/** Statuses with which servers answer an expired URL. */
const EXPIRED: readonly (number | undefined)[] = [401, 403, 404, 410];

/** Lines about the data that failed downloads left, and how to resume. Empty where they left none. */
export function describeKept(
  kept: readonly KeptJob[],
  finishedUrls: readonly string[],
  invocation: Invocation,
): string[] {
  if (kept.length === 0) return [];
  const shown = kept.slice(0, MAX_KEPT_LINES).map(({ job }) =>
    `unfinished; ${savedPart(job.handle.snapshot)}`
  );
  const more = kept.length - shown.length;
  const mayBeExpired = kept.some(({ httpStatus }) => EXPIRED.includes(httpStatus));
  return [
    ...shown,
    ...(more > 0 ? [`${more} more downloads are unfinished; their progress is saved, too`] : []),
    howToResume(true, finishedUrls, invocation),
    ...(mayBeExpired ? ["where a URL has expired, a new URL of the same file resumes the download"] : []),
  ];
}

/** A line for each download that an interruption paused, and how to resume. */
export function describeInterruption(
  paused: readonly PausedJob[],
  finishedUrls: readonly string[],
  invocation: Invocation,
): string[] {
  const hasList = invocation.command.inputs.inputFiles !== undefined;
  const isAnythingKept = hasList || paused.some(({ job }) => isKept(job.handle.snapshot));
  // Downloads of a list that were not started have no line of their own. They are the rest of the list.
  const shown = paused.filter(({ job }) => job.line === undefined || isKept(job.handle.snapshot));
  return [...shown.map(describeState), howToResume(isAnythingKept, finishedUrls, invocation)];
}

function isKept({ path, downloaded }: Job["handle"]["snapshot"]): boolean {
  return path !== undefined && downloaded > 0;
}

function describeState({ job, obstacle = "no data was received" }: PausedJob): string {
  const { snapshot } = job.handle;
  if (snapshot.path === undefined) return `not started: ${jobLabel(job)}`;
  if (!isKept(snapshot)) return `interrupted; nothing of ${jobLabel(job)} could be kept: ${obstacle}`;
  return `interrupted; ${savedPart(snapshot)}`;
}

function savedPart({ path, downloaded, total }: Job["handle"]["snapshot"]): string {
  const amount = total === undefined ? formatBytes(downloaded) : formatPart(downloaded, total);
  const { part, control } = new OutputNames(path ?? "");
  return `${amount} saved in ${part} and ${control}`;
}

/**
 * The command is shown only when it has no secrets, because terminal output is often logged or shared, and only when
 * it can be pasted. It has no URL of a completed file, because the file exists. It has no `--no-resume`, because
 * that would drop the saved progress.
 */
function howToResume(
  isAnythingKept: boolean,
  finishedUrls: readonly string[],
  { argv, command, isBytehaul }: Invocation,
): string {
  const resume = isAnythingKept ? "resume" : "restart";
  const hasList = command.inputs.inputFiles !== undefined;
  const { overwrite, rename } = command.specOptions;
  const skips = hasList && !command.skipsExisting && !overwrite && !rename ? ["--skip-existing"] : [];
  const sameInput = command.inputs.inputFiles?.[0] === "-" ? " and the same list on standard input" : "";
  const resumes = command.specOptions.resume ?? true;
  const kept = argv.filter((arg) => arg !== "--no-resume" && !finishedUrls.includes(arg));
  const again = [...skips, ...kept];
  // With --rename a completed file would be fetched again under a second name.
  const isListDone = hasList && rename === true;
  const showable = isBytehaul && !isListDone && !command.hasSecrets && command.urls.every(isPlainUrl) &&
    again.every((arg) => escapeForTerminal(arg) === arg);
  if (showable) return `${resume} with: bytehaul ${again.map(quoteForShell).join(" ")}${sameInput}`;
  const changes = [
    ...(resumes ? [] : ["--no-resume"]),
    ...(finishedUrls.length === 0 ? [] : ["the URLs that are done"]),
    ...(isListDone ? ["the lines that are done"] : []),
  ];
  const without = changes.length === 0 ? "" : `, without ${changes.join(" and ")},`;
  const withMore = skips.length === 0 ? "" : ` with --skip-existing${sameInput}`;
  return `run the same command again${withMore}${without} to ${resume}`;
}

function quoteForShell(arg: string): string {
  return /^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", `'\\''`)}'`;
}
