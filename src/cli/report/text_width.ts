/** What most names consist of: every character fills one cell. */
const ASCII = /^[ -~]*$/;

/** Characters that stay on the cell before them. */
const NO_CELL = /[\p{Mn}\p{Me}\p{Cf}]/gu;

/** Emoji of one or several characters: flags, keycaps, families, those with a skin tone. */
const EMOJI = /^(?:\p{RGI_Emoji}$|\p{Emoji_Presentation})/v;

/** Characters of East Asian scripts, and punctuation that no other script uses; halfwidth forms fill one cell. */
const EAST_ASIAN =
  /^[[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Bopomofo}\p{scx=Hangul}\p{scx=Yi}\p{scx=Tangut}\p{scx=Nushu}]--[\p{scx=Latin}\uff61-\uffdc]]/v;

/** The fullwidth forms of characters that fill one cell elsewhere; Unicode adds no more of them. */
const FULLWIDTH = /^[\u3000\uff01-\uff60\uffe0-\uffe6]/;

let segmenter: Intl.Segmenter | undefined;

/** What a reader sees as one character each, although it may consist of several. */
function graphemesOf(text: string): string[] {
  if (ASCII.test(text)) return [...text];
  segmenter ??= new Intl.Segmenter(undefined, { granularity: "grapheme" });
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

/** Rough, as terminals differ. */
function cellsOf(grapheme: string): number {
  if (ASCII.test(grapheme)) return grapheme.length;
  if (EMOJI.test(grapheme) || EAST_ASIAN.test(grapheme) || FULLWIDTH.test(grapheme)) return 2;
  return [...grapheme.replace(NO_CELL, "")].length;
}

/** How many cells of a terminal the text fills. */
export function textWidth(text: string): number {
  if (ASCII.test(text)) return text.length;
  return graphemesOf(text).reduce((cells, grapheme) => cells + cellsOf(grapheme), 0);
}

/** Leaves out the middle so that at most `width` cells are filled: both ends of a file name matter. */
export function shortenMiddle(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  if (width < 1) return "";
  const graphemes = graphemesOf(text);
  const tailWidth = Math.floor((width - 1) / 2);
  const head = takeCells(graphemes, width - 1 - tailWidth);
  const tail = takeCells(graphemes.reverse(), tailWidth).reverse();
  return `${head.join("")}…${tail.join("")}`;
}

/** Fills up with spaces on the right. */
export function padToWidth(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - textWidth(text)));
}

function takeCells(graphemes: readonly string[], width: number): string[] {
  let cells = 0;
  const end = graphemes.findIndex((grapheme) => (cells += cellsOf(grapheme)) > width);
  return graphemes.slice(0, end < 0 ? graphemes.length : end);
}
