import { UsageError } from "../flags/usage_error.ts";
import { OptionError } from "../../option_error.ts";

/** A URL without the parts that may be secret. */
export function publicUrl(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

/** Whether a URL has no part that may be secret. */
export function isPlainUrl(url: string): boolean {
  return URL.parse(url)?.href === publicUrl(url);
}

/** The error to report for `text`, which was refused with `error`. Suggests the scheme where only that is missing. */
export function withScheme(text: string, error: unknown): unknown {
  if (!(error instanceof OptionError) || error.option !== "url") return error;
  const meant = /^[\w-]+(?:\.[\w-]+)+(?=[:/?#]|$)|^localhost(?=[:/?#]|$)/i.test(text)
    ? URL.parse(`https://${text}`)
    : null;
  if (meant === null) return error;
  const shown = publicUrl(meant.href);
  const withoutScheme = shown.slice("https://".length);
  const given = text.includes("/") ? withoutScheme : withoutScheme.replace(/\/$/, "");
  return new UsageError(
    `Cannot use the URL ${JSON.stringify(given)}: it has no scheme; did you mean ${shown}?`,
  );
}
