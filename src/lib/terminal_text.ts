/**
 * Characters that act on a terminal or on the text around them, or that nobody sees: controls, format
 * characters (bidi controls, zero-width characters), lone surrogates, line and paragraph separators.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Removes every character that a reader would not see or that a terminal would obey. */
export function stripUnprintable(text: string): string {
  return text.replace(UNPRINTABLE, "");
}

/**
 * Makes text from elsewhere safe to print on one line: each such character, line breaks and tabs
 * included, becomes `\u{hex}`. The backslash itself stays, for the sake of paths on Windows, so the result
 * is for reading and cannot be turned back.
 */
export function escapeForTerminal(text: string): string {
  return text.replace(UNPRINTABLE, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}
