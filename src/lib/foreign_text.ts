/** What a message repeats of what somebody else wrote; names and numbers of the kind that belong there take far less. */
const MAX_SHOWN_LENGTH = 100;

/** Text of others in quotation marks, as it is fit for a message: a server's may be of any length. */
export function quoteForeign(text: string): string {
  return `"${text.length > MAX_SHOWN_LENGTH ? `${text.slice(0, MAX_SHOWN_LENGTH)}…` : text}"`;
}
