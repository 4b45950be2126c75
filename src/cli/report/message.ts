import { escapeForTerminal } from "../../lib/terminal_text.ts";
import type { Job } from "../run/job.ts";
import { publicUrl } from "../inputs/url.ts";

/** A line for a person, in which no foreign text can command the terminal. */
export function message(text: string): string {
  return `bytehaul: ${escapeForTerminal(text)}`;
}

/**
 * How a download failed. Where there are several, its place in the list and its URL name it: a file name such as `404`
 * could be mistaken for something else.
 */
export function errorMessage({ url, place }: Job, text: string, isOneOfSeveral: boolean): string {
  const subject = [place, isOneOfSeveral && url !== undefined ? publicUrl(url) : undefined];
  return message([...subject, text].filter((part) => part !== undefined).join(": "));
}
