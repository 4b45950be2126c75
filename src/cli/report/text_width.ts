/** ASCII text. Each of its characters fills one cell. */
const ASCII = /^[ -~]*$/;

let segmenter: Intl.Segmenter | undefined;

/** Splits text into what a reader sees as characters. Each may consist of several code points. */
function graphemesOf(text: string): string[] {
  if (ASCII.test(text)) return [...text];
  segmenter ??= new Intl.Segmenter(undefined, { granularity: "grapheme" });
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

/**
 * The cells of one grapheme. It is approximate, as terminals differ. The patterns are written where they are used,
 * because evaluating them takes V8 15 ms, which a run that draws only ASCII text saves.
 */
function cellsOf(grapheme: string): number {
  if (ASCII.test(grapheme)) return grapheme.length;
  // Emoji of one or several characters, such as flags, keycaps, families and skin tones.
  if (/^(?:\p{RGI_Emoji}$|\p{Emoji_Presentation})/v.test(grapheme)) return 2;
  // Characters of East Asian scripts, and punctuation that no other script uses; halfwidth forms fill one cell.
  if (
    /^[[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Bopomofo}\p{scx=Hangul}\p{scx=Yi}\p{scx=Tangut}\p{scx=Nushu}]--[\p{scx=Latin}\uff61-\uffdc]]/v
      .test(grapheme)
  ) return 2;
  // The fullwidth forms of characters that fill one cell elsewhere; Unicode adds no more of them.
  if (/^[\u3000\uff01-\uff60\uffe0-\uffe6]/.test(grapheme)) return 2;
  // Characters that share the cell of the character before them.
  return [...grapheme.replace(/[\p{Mn}\p{Me}\p{Cf}]/gu, "")].length;
}

/** How many cells of a terminal the text fills. */
export function textWidth(text: string): number {
  if (ASCII.test(text)) return text.length;
  return graphemesOf(text).reduce((cells, grapheme) => cells + cellsOf(grapheme), 0);
}

/** Shortens text to at most `width` cells. It drops the middle, because both ends of a file name matter. */
export function shortenMiddle(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  if (width < 1) return "";
  const graphemes = graphemesOf(text);
  const tailWidth = Math.floor((width - 1) / 2);
  const head = takeCells(graphemes, width - 1 - tailWidth);
  const tail = takeCells(graphemes.reverse(), tailWidth).reverse();
  return `${head.join("")}…${tail.join("")}`;
}

/** Pads text with spaces on the right. */
export function padToWidth(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - textWidth(text)));
}

function takeCells(graphemes: readonly string[], width: number): string[] {
  let cells = 0;
  const end = graphemes.findIndex((grapheme) => (cells += cellsOf(grapheme)) > width);
  return graphemes.slice(0, end < 0 ? graphemes.length : end);
}
