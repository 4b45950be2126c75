import { escapeForTerminal } from "../terminal_text.ts";
import type { DownloadCommand } from "./args.ts";
import { formatBytes, formatPart } from "./format.ts";
import { type Job, jobLabel } from "./job.ts";

/** What an interruption left, a line for each download that was paused, and last how to go on. */
export function describeInterruption(
  paused: readonly Job[],
  finishedUrls: readonly string[],
  argv: readonly string[],
  command: DownloadCommand,
): string[] {
  return [...paused.map(describeState), howToGoOn(finishedUrls, argv, command)];
}

function describeState(job: Job): string {
  const { path, downloaded, total } = job.handle.snapshot;
  if (path === undefined || downloaded === 0) {
    return `interrupted; nothing of ${jobLabel(job)} could be kept`;
  }
  const amount = total === undefined ? formatBytes(downloaded) : formatPart(downloaded, total);
  return `interrupted; ${amount} saved in ${path}.part and ${path}.bytehaul`;
}

/**
 * The command is shown only when it holds no secrets, as what a terminal shows is often logged or shared.
 * A finished file would be in its own way, and `--no-resume` would throw away what was saved.
 */
function howToGoOn(
  finishedUrls: readonly string[],
  argv: readonly string[],
  command: DownloadCommand,
): string {
  const resumes = command.specOptions.resume ?? true;
  const again = argv.filter((arg) => arg !== "--no-resume" && !finishedUrls.includes(arg));
  const showable = command.specOptions.headers === undefined && command.urls.every(isPlain) &&
    again.every((arg) => escapeForTerminal(arg) === arg);
  if (showable) return `go on with: bytehaul ${again.map(quoteForShell).join(" ")}`;
  const changes = [
    ...(resumes ? [] : ["--no-resume"]),
    ...(finishedUrls.length === 0 ? [] : ["the URLs that are done"]),
  ];
  const without = changes.length === 0 ? "" : `, without ${changes.join(" and ")},`;
  return `run the same command again${without} to go on`;
}

function isPlain(url: string): boolean {
  const { username, password, search, hash } = new URL(url);
  return username + password + search + hash === "";
}

function quoteForShell(arg: string): string {
  return /^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", `'\\''`)}'`;
}
