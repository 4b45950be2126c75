import { escapeForTerminal } from "../../lib/terminal_text.ts";
import type { Job } from "../run/job.ts";
import { publicUrl } from "../inputs/url.ts";

/** A line for a person. Its text is escaped, so that text of servers cannot act on the terminal. */
export function message(text: string): string {
  return `bytehaul: ${escapeForTerminal(text)}`;
}

/**
 * The message for a failed download. With several downloads it names the place in the list and the URL. A file name
 * such as `404` would be ambiguous.
 */
export function errorMessage({ url, place }: Job, text: string, isOneOfSeveral: boolean): string {
  const subject = [place, isOneOfSeveral && url !== undefined ? publicUrl(url) : undefined];
  return message([...subject, text].filter((part) => part !== undefined).join(": "));
}
