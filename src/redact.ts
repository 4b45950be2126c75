/** Of a scheme that is longer than any, the end counts: to look for its start everywhere takes the square of the length. */
const URL_IN_TEXT = /(?:[a-z][a-z\d+.-]{0,31}|[\d+.-]):\/\/[^\s"'<>]*/gi;

/**
 * The only way in which a URL or a text of others gets into a message, a log or an output: every URL in it loses user
 * name, password, query and fragment, any of which may be a secret.
 */
export function redact(text: string): string {
  return text.replace(URL_IN_TEXT, (found) => {
    const url = URL.parse(found);
    if (url === null) return found.replace(/:\/\/.*$/, "://***");
    return `${url.protocol}//${url.host}${url.pathname}`;
  });
}
