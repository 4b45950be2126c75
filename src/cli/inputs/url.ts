import { UsageError } from "../flags/usage_error.ts";

/** A URL without the parts that may be secret. */
export function publicUrl(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

/** Whether a URL has no part that may be secret. */
export function isPlainUrl(url: string): boolean {
  return URL.parse(url)?.href === publicUrl(url);
}

/** Suggests the scheme where only the scheme is missing. All else is checked with the other options. */
export function checkUrl(text: string): void {
  // "host:port" parses as a scheme and a path.
  const isSchemeless = URL.parse(text) === null || /^[\w.-]+:\d+(?:[/?#]|$)/.test(text);
  const meant = /^[\w-]+(?:\.[\w-]+)+(?=[:/?#]|$)|^localhost(?=[:/?#]|$)/i.test(text)
    ? URL.parse(`https://${text}`)
    : null;
  if (!isSchemeless || meant === null) return;
  const shown = publicUrl(meant.href);
  throw new UsageError(
    `Cannot use the URL ${
      JSON.stringify(shown.slice("https://".length))
    }: it has no scheme; did you mean ${shown}?`,
  );
}
