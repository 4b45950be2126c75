/**
 * Characters that are invisible, or that control a terminal or the text around them: control characters, format
 * characters (bidi controls, zero-width characters), lone surrogates, line and paragraph separators.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Removes every such character. */
export function stripUnprintable(text: string): string {
  return text.replace(UNPRINTABLE, "");
}

/**
 * Makes text of unknown origin safe to print on one line. Each such character, including line breaks and tabs,
 * becomes `\u{hex}`. Backslashes stay, for paths on Windows, so the result cannot be converted back.
 */
export function escapeForTerminal(text: string): string {
  return text.replace(UNPRINTABLE, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}
