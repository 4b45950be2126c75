/** The most characters of a server's text that a message shows. Usual names and numbers are far shorter. */
const MAX_SHOWN_LENGTH = 100;

/** Text of a server in quotation marks for a message, shortened, as it may be of any length. */
export function quoteForeign(text: string): string {
  return `"${text.length > MAX_SHOWN_LENGTH ? `${text.slice(0, MAX_SHOWN_LENGTH)}…` : text}"`;
}
