import { escapeForTerminal } from "../terminal_text.ts";

/** A line for a person, in which no foreign text can command the terminal. */
export function message(text: string): string {
  return `bytehaul: ${escapeForTerminal(text)}`;
}
