import type { Dice } from "./run_dice.ts";

const NASTY = [
  ..."\0\t\r\n\x1b\x7f\x80\xff \"'\\/;,=%*:.-_?#@&<>|~$`()[]{}09aZ",
  ...[
    "\u202e",
    "\u200b",
    "\ufeff",
    "\u2028",
    "\u0301",
    "é",
    "日本",
    "😀",
    "\ud800",
    "\udc00",
    "／",
    "\u3000",
  ],
  ...["..", "../", "..\\", "\r\n", "%00", "%2e", "%2F", "99999999999999999999", "-1", "1e9", "0x10", "  "],
];

/** A character or a few that programs stumble over. */
export function nastyText(dice: Dice): string {
  return dice.chance(0.9) ? dice.pick(NASTY) : String.fromCharCode(dice.below(0x10000));
}

/** `text` with some things changed, or as it is. */
export function mutateText(dice: Dice, text: string): string {
  let mutated = text;
  for (let changes = dice.below(4); changes > 0; changes--) {
    const at = dice.below(mutated.length + 1);
    const length = dice.chance(0.7) ? 1 : dice.below(8);
    const [before, after] = [mutated.slice(0, at), mutated.slice(at)];
    switch (dice.below(4)) {
      case 0:
        mutated = before + nastyText(dice) + after;
        break;
      case 1:
        mutated = before + after.slice(length);
        break;
      case 2:
        mutated = before + nastyText(dice) + after.slice(length);
        break;
      case 3:
        mutated = before + after.slice(0, length) + after;
    }
  }
  return mutated;
}

/** `text` as a field of a header can have it: one byte to a character and no line breaks. */
export function asField(text: string): string {
  return text.replace(/[^\t\x20-\x7e\x80-\xff]/g, "").trim();
}

/** Throws when `condition` does not hold; the message shows `input`. */
export function check(condition: boolean, claim: string, input: unknown): asserts condition {
  if (!condition) throw new Error(`${claim}: ${JSON.stringify(input)}`);
}
