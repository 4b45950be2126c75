/**
 * Characters that are invisible or that change a terminal or the text around them: control characters, format
 * characters (bidi controls, zero-width characters), lone surrogates, line and paragraph separators.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Removes every invisible character and every character that controls a terminal. */
export function stripUnprintable(text: string): string {
  return text.replace(UNPRINTABLE, "");
}

/**
 * Makes foreign text safe to print on one line. Each unprintable character, including line breaks and tabs, becomes
 * `\u{hex}`. A backslash stays as it is, because Windows paths contain them. So the result cannot be converted back.
 */
export function escapeForTerminal(text: string): string {
  return text.replace(UNPRINTABLE, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}
