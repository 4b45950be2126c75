import type { CliHost } from "../../runtime/console/console.ts";
import { OVER } from "../../lib/waiting.ts";
import { textWidth } from "./text_width.ts";

/** Lines of at most `width` cells. */
export type Render = (width: number) => readonly string[];

const REDRAW_MS = 100;
const ERASE_BELOW = "\x1b[J";
const ERASE_REST_OF_LINE = "\x1b[K";

/** Keeps the last lines of standard error up to date. It draws nothing where standard error is no terminal. */
export class Terminal {
  readonly #host: CliHost;
  #drawn: readonly string[] = [];
  #render: Render = () => [];
  #redrawing: AbortController | undefined;

  constructor(host: CliHost) {
    this.#host = host;
  }

  /** Draws immediately, and then ten times a second. */
  start(render: Render): void {
    if (!this.#host.isTerminal) return;
    this.#render = render;
    this.#draw("");
    this.#redrawing = new AbortController();
    void this.#redraw(this.#redrawing.signal);
  }

  /** Writes a permanent line above the lines that are redrawn; also where there is no terminal. */
  print(line: string): void {
    this.#draw(`${line}\n`);
  }

  /** Stops drawing and removes the drawn lines. */
  stop(): void {
    if (this.#redrawing === undefined) return;
    this.#redrawing.abort(OVER);
    this.#render = () => [];
    this.#draw("");
  }

  async #redraw(stopped: AbortSignal): Promise<void> {
    for (;;) {
      await this.#host.clock.sleep(REDRAW_MS, stopped).catch(() => {}); // it was stopped
      if (stopped.aborted) return;
      this.#draw("");
    }
  }

  /** Draws with one write, so that no half-drawn state is visible. */
  #draw(above: string): void {
    const up = this.#upToTop();
    // Some terminals start a new line after the last cell of a line was filled.
    const lines = this.#render(this.#host.columns() - 1);
    const below = lines.map((line) => `${line}${ERASE_REST_OF_LINE}\n`).join("");
    // The line above may be longer than the line it replaces, so everything below is erased first.
    const start = up !== "" && above !== "" ? up + ERASE_BELOW : up;
    const end = up !== "" && (above === "" || below !== "") ? ERASE_BELOW : "";
    const text = start + above + below + end;
    if (text !== "") this.#host.writeStderr(text);
    this.#drawn = lines;
  }

  #upToTop(): string {
    const columns = this.#host.columns();
    // A terminal that has become narrower has wrapped the drawn lines.
    const rows = this.#drawn.reduce(
      (sum, line) => sum + Math.max(1, Math.ceil(textWidth(line) / columns)),
      0,
    );
    return rows === 0 ? "" : `\r\x1b[${rows}A`;
  }
}
