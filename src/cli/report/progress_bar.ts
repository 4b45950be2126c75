import { escapeForTerminal } from "../../lib/terminal_text.ts";
import type { DownloadState, ProgressSnapshot } from "../../types.ts";
import { formatBytes, formatBytesShort, formatDuration, formatPart, formatRate } from "./format.ts";
import { padToWidth, shortenMiddle, textWidth } from "./text_width.ts";

/** One download in the progress display. */
export interface ProgressRow {
  /** Names the download. It may contain control characters. */
  readonly label: string;
  readonly snapshot: ProgressSnapshot;
  /** Replaces speed and remaining time while a retry is pending. */
  readonly note?: string | undefined;
}

/** The numbers of downloads that have ended, and of all downloads. */
export interface Tally {
  readonly done: number;
  readonly failed: number;
  readonly paused: number;
  /** The number of all downloads, or `undefined` while it is not known. */
  readonly total: number | undefined;
}

type Column = keyof typeof COLUMN_WIDTHS;

/** How many cells the widest usual content of each column needs. */
const COLUMN_WIDTHS = { percent: 4, bytes: 13, speed: 10, eta: 7, connections: 4 } as const;
/** The order in which columns are dropped on narrow terminals. */
const LEAST_NEEDED_FIRST = ["connections", "bytes", "bar", "eta", "speed", "percent"] as const;
const GAP = "  ";
const MIN_NAME = 8;
const MIN_BAR = 10;
const MAX_BAR = 50;
/** The name's share of the room for name and bar. The name gets more, as the percentage shows the same as the bar. */
const NAME_SHARE = 0.6;
/** The fewest cells for a note, enough for the time until a retry. With less room the note is left out. */
const MIN_NOTE = 12;
const MAX_ROWS = 10;

const STATE_WORDS: Partial<Record<DownloadState, string>> = {
  pending: "waiting",
  verifying: "verifying",
};

/**
 * Renders downloads as lines of at most `width` cells: one line for each unfinished download, ten at most, and a
 * summary below when there are several. Returns no lines once all have ended.
 */
export function renderProgress(downloads: readonly ProgressRow[], tally: Tally, width: number): string[] {
  const unfinished = downloads.filter(({ snapshot }) => isUnfinished(snapshot.state));
  if (unfinished.length === 0) return [];
  const shown = unfinished
    .toSorted((a, b) => Number(a.snapshot.state === "pending") - Number(b.snapshot.state === "pending"))
    .slice(0, MAX_ROWS)
    .map(({ label, snapshot, note }) => ({
      ...{ label: escapeForTerminal(label), snapshot },
      note: note === undefined ? undefined : escapeForTerminal(note),
    }));
  const layout = fit(width, Math.max(0, ...shown.map(({ label }) => textWidth(label))));
  const lines = shown.map((row) =>
    shortenMiddle(renderNoted(row, layout, width) ?? renderRow(row, layout), width)
  );
  if (tally.total !== 1) lines.push(renderSummary(unfinished, tally, width));
  return lines;
}

interface Layout {
  readonly name: number;
  /** Cells of the bar; 0 where it has no room. */
  readonly bar: number;
  readonly columns: readonly Column[];
}

function fit(width: number, longestName: number): Layout {
  const dropped = new Set<Column | "bar">();
  for (const next of [...LEAST_NEEDED_FIRST, undefined]) {
    const columns = (Object.keys(COLUMN_WIDTHS) as Column[]).filter((column) => !dropped.has(column));
    const left = columns.reduce((sum, column) => sum - COLUMN_WIDTHS[column] - GAP.length, width);
    if (!dropped.has("bar") && left >= MIN_NAME + GAP.length + MIN_BAR) {
      const room = left - GAP.length;
      const name = Math.min(longestName, room - MIN_BAR, Math.floor(room * NAME_SHARE));
      return { name, bar: Math.min(MAX_BAR, room - name), columns };
    }
    if (dropped.has("bar") && left >= MIN_NAME) return { name: Math.min(longestName, left), bar: 0, columns };
    if (next !== undefined) dropped.add(next);
  }
  return { name: Math.max(0, width), bar: 0, columns: [] };
}

function renderRow({ label, snapshot }: ProgressRow, { name, bar, columns }: Layout): string {
  const cells = [padToWidth(shortenMiddle(label, name), name)];
  if (bar > 0) cells.push(renderBar(snapshot, bar));
  for (const column of columns) {
    cells.push(renderCell(column, snapshot, columns).padStart(COLUMN_WIDTHS[column]));
  }
  return cells.join(GAP).trimEnd();
}

/** A row with its note, and with the bar where both fit; `undefined` where there is no note or no room for it. */
function renderNoted(
  { label, snapshot, note }: ProgressRow,
  layout: Layout,
  width: number,
): string | undefined {
  if (note === undefined) return undefined;
  const name = padToWidth(shortenMiddle(label, layout.name), layout.name);
  const percent = renderCell("percent", snapshot, layout.columns).padStart(COLUMN_WIDTHS.percent);
  const bar = layout.bar > 0 ? [renderBar(snapshot, layout.bar)] : [];
  const complete = [name, ...bar, percent, note].join(GAP);
  if (textWidth(complete) <= width) return complete;
  const start = [name, percent].join(GAP) + GAP;
  const room = width - textWidth(start);
  return room < MIN_NOTE ? undefined : start + shortenMiddle(note, room);
}

function renderCell(column: Column, snapshot: ProgressSnapshot, columns: readonly Column[]): string {
  const { state, downloaded, total, connections } = snapshot;
  const word = STATE_WORDS[state];
  switch (column) {
    case "percent":
      if (total !== undefined) return `${Math.floor(fractionDone(snapshot) * 100)}%`;
      return columns.includes("bytes") ? "" : formatBytesShort(downloaded);
    case "bytes":
      return total === undefined ? formatBytes(downloaded) : formatPart(downloaded, total);
    case "speed":
      return word ?? formatRate(snapshot.speed);
    case "eta":
      return word === undefined ? formatDuration(snapshot.etaSeconds) : "";
    case "connections":
      return word === undefined ? `x${connections}` : "";
  }
}

function renderBar(snapshot: ProgressSnapshot, width: number): string {
  const inner = width - 2;
  if (snapshot.total === undefined) return `[${renderBounce(snapshot, inner)}]`;
  const filled = Math.floor(inner * fractionDone(snapshot));
  const bar = filled < inner && filled > 0 ? `${"=".repeat(filled - 1)}>` : "=".repeat(filled);
  return `[${bar.padEnd(inner)}]`;
}

/** The bar without a known total: a mark that moves from side to side. */
function renderBounce({ state, elapsedMs }: ProgressSnapshot, inner: number): string {
  if (state !== "downloading") return " ".repeat(inner);
  const mark = "<=>";
  const room = inner - mark.length;
  const step = Math.floor(elapsedMs / 100) % (2 * room);
  return (" ".repeat(step <= room ? step : 2 * room - step) + mark).padEnd(inner);
}

/** The fraction that was received. It is 1 only when every byte was. */
function fractionDone({ downloaded, total }: ProgressSnapshot): number {
  if (total === undefined || total === 0) return 0;
  return Math.min(1, downloaded / total);
}

function renderSummary(downloads: readonly ProgressRow[], tally: Tally, width: number): string {
  const { done, failed, paused, total } = tally;
  const running = downloads.filter(({ snapshot }) => snapshot.state !== "pending").length;
  const waiting = total === undefined ? downloads.length - running : total - done - failed - paused - running;
  const speed = downloads.reduce(
    (sum, { snapshot }) => snapshot.state === "downloading" ? sum + snapshot.speed : sum,
    0,
  );
  const counts: [number, string][] = [
    [running, "running"],
    [waiting, "waiting"],
    [failed, "failed"],
    [paused, "paused"],
  ];
  let line = total === undefined ? `${done} done` : `${done} of ${total} done`;
  const parts = [formatRate(speed), ...counts.filter(([n]) => n > 0).map(([n, word]) => `${n} ${word}`)];
  for (const part of parts) {
    if (line.length + 2 + part.length > width) break;
    line += `, ${part}`;
  }
  return shortenMiddle(line, width);
}

function isUnfinished(state: DownloadState): boolean {
  return state === "pending" || state === "downloading" || state === "verifying";
}
