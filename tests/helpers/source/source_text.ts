/** Words after which a slash begins a regular expression and divides nothing. */
const BEFORE_REGEXP =
  /(?:^|[(,=:[!&|?{};+\-*%^~<>]|\b(?:return|typeof|case|in|of|delete|void|throw|new|else|do|yield|await))$/;

/**
 * Replaces what is in comments, strings, templates and regular expressions of TypeScript by spaces. Quotes, line
 * breaks and every offset stay, so that what is found in the result can be looked up in the source.
 */
export function blankText(source: string): string {
  const out = source.split("");
  /** For each `${` that is open, how many braces are open within it. */
  const braces: number[] = [];
  let at = 0;

  const blank = (end: number): void => {
    for (; at < end && at < source.length; at++) if (out[at] !== "\n") out[at] = " ";
  };
  /** Blanks up to the first match of `end`, where escapes do not count. */
  const blankUntil = (end: RegExp): void => {
    while (at < source.length && !end.test(source.slice(at, at + 2))) {
      blank(at + (source[at] === "\\" ? 2 : 1));
    }
  };
  const template = (): void => {
    blankUntil(/^(?:`|\$\{)/);
    if (source[at] !== "$") return void at++;
    at += 2;
    braces.push(0);
  };
  const regexp = (): void => {
    for (let inClass = false; at < source.length && source[at] !== "\n"; blank(at + 1)) {
      if (source[at] === "\\") blank(at + 1);
      else if (source[at] === "[") inClass = true;
      else if (source[at] === "]") inClass = false;
      else if (source[at] === "/" && !inClass) break;
    }
    at++;
  };

  while (at < source.length) {
    const character = source[at]!;
    const two = source.slice(at, at + 2);
    if (two === "//") {
      const end = source.indexOf("\n", at);
      blank(end < 0 ? source.length : end);
    } else if (two === "/*") {
      const end = source.indexOf("*/", at + 2);
      blank(end < 0 ? source.length : end + 2);
    } else if (character === '"' || character === "'") {
      at++;
      blankUntil(new RegExp(`^[${character}\n]`));
      at++;
    } else if (character === "`") {
      at++;
      template();
    } else if (
      character === "/" && BEFORE_REGEXP.test(out.slice(Math.max(0, at - 40), at).join("").trimEnd())
    ) {
      at++;
      regexp();
    } else {
      at++;
      if (braces.length === 0) continue;
      if (character === "{") braces[braces.length - 1]!++;
      if (character === "}" && braces[braces.length - 1]!-- === 0) {
        braces.pop();
        template();
      }
    }
  }
  return out.join("");
}
