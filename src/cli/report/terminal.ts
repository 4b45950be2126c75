import type { CliHost } from "../../runtime/console/console.ts";
import { textWidth } from "./text_width.ts";

/** Calls `action` every `ms` milliseconds until the result is called. */
export type Repeat = (action: () => void, ms: number) => () => void;

/** Lines of at most `width` cells. */
export type Render = (width: number) => readonly string[];

const REDRAW_MS = 100;
const ERASE_BELOW = "\x1b[J";
const ERASE_REST_OF_LINE = "\x1b[K";

/** Keeps lines at the bottom of standard error up to date. Where that is no terminal it draws nothing. */
export class Terminal {
  readonly #host: CliHost;
  readonly #repeat: Repeat;
  #drawn: readonly string[] = [];
  #render: Render = () => [];
  #stopRepeating: (() => void) | undefined;

  constructor(host: CliHost, repeat: Repeat = repeatByTimer) {
    this.#host = host;
    this.#repeat = repeat;
  }

  /** Draws now and ten times a second. */
  start(render: Render): void {
    if (!this.#host.isTerminal) return;
    this.#render = render;
    const draw = () => this.#draw("");
    draw();
    this.#stopRepeating = this.#repeat(draw, REDRAW_MS);
  }

  /** Writes a line that stays, above what is drawn anew; also where there is no terminal. */
  print(line: string): void {
    this.#draw(`${line}\n`);
  }

  /** Ends drawing and removes what is drawn. */
  stop(): void {
    this.#stopRepeating?.();
    this.#stopRepeating = undefined;
    this.#render = () => [];
    this.#draw("");
  }

  /** One write, so that nothing is seen between two states. */
  #draw(above: string): void {
    const up = this.#upToTop();
    // A line that fills the last cell makes some terminals start another one.
    const lines = this.#render(this.#host.columns() - 1);
    const below = lines.map((line) => `${line}${ERASE_REST_OF_LINE}\n`).join("");
    // What stays may be longer than what it takes the place of, and need not be erased to its end.
    const start = up !== "" && above !== "" ? up + ERASE_BELOW : up;
    const end = up !== "" && (above === "" || below !== "") ? ERASE_BELOW : "";
    const text = start + above + below + end;
    if (text !== "") this.#host.writeStderr(text);
    this.#drawn = lines;
  }

  #upToTop(): string {
    const columns = this.#host.columns();
    // A terminal that became narrower since has wrapped what was drawn.
    const rows = this.#drawn.reduce(
      (sum, line) => sum + Math.max(1, Math.ceil(textWidth(line) / columns)),
      0,
    );
    return rows === 0 ? "" : `\r\x1b[${rows}A`;
  }
}

function repeatByTimer(action: () => void, ms: number): () => void {
  const timer = setInterval(action, ms);
  return () => clearInterval(timer);
}
