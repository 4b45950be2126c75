/** Characters that stay on the cell before them. */
const NO_CELL = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
/** Characters that fill two cells: East Asian scripts and pictures. Rough, as terminals differ. */
const TWO_CELLS =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]$/u;

function cellsOf(character: string): number {
  if (NO_CELL.test(character)) return 0;
  return TWO_CELLS.test(character) ? 2 : 1;
}

/** How many cells of a terminal the text fills. */
export function textWidth(text: string): number {
  let cells = 0;
  for (const character of text) cells += cellsOf(character);
  return cells;
}

/** Leaves out the middle so that at most `width` cells are filled; both ends of a file name tell something. */
export function shortenMiddle(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  if (width < 1) return "";
  const characters = [...text];
  const tailWidth = Math.floor((width - 1) / 2);
  const head = takeCells(characters, width - 1 - tailWidth);
  const tail = takeCells(characters.reverse(), tailWidth).reverse();
  return `${head.join("")}…${tail.join("")}`;
}

/** Fills up with spaces on the right. */
export function padToWidth(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - textWidth(text)));
}

function takeCells(characters: readonly string[], width: number): string[] {
  let cells = 0;
  const end = characters.findIndex((character) => (cells += cellsOf(character)) > width);
  return characters.slice(0, end < 0 ? characters.length : end);
}
