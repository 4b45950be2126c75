/** The longest foreign text in a message, in UTF-16 units. Valid names and numbers are much shorter. */
const MAX_SHOWN_LENGTH = 100;

/** Quotes foreign text for a message, and shortens it. A server may send text of any length. */
export function quoteForeign(text: string): string {
  return `"${text.length > MAX_SHOWN_LENGTH ? `${text.slice(0, MAX_SHOWN_LENGTH)}…` : text}"`;
}
