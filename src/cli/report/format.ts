const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;
/** A larger number would have more than three digits before the point. */
const NEXT_UNIT = 999.5;

/** Bytes in a suitable unit: `"512 B"`, `"1.50 GiB"`. */
export function formatBytes(bytes: number): string {
  const unit = unitFor(bytes);
  return `${inUnit(bytes, unit)} ${UNITS[unit]}`;
}

/** Bytes a second. */
export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

/** A part and its total, in the unit of the total: `"0.75/1.50 GiB"`. */
export function formatPart(bytes: number, total: number): string {
  const unit = unitFor(total);
  return `${inUnit(bytes, unit)}/${inUnit(total, unit)} ${UNITS[unit]}`;
}

/** Bytes in at most four characters: `"512B"`, `"9.5M"`, `"120G"`. */
export function formatBytesShort(bytes: number): string {
  const unit = unitFor(bytes, NEXT_UNIT);
  const value = bytes / 1024 ** unit;
  return `${unit > 0 && value < 9.95 ? value.toFixed(1) : value.toFixed(0)}${UNITS[unit]?.[0]}`;
}

/**
 * `"0:07"`, `"12:34"`, `"1:02:03"`, `"12h 05m"`, `"3d 04h"`, and `"-:--"` above 99 days or where the duration is
 * unknown.
 */
export function formatDuration(seconds: number | undefined): string {
  const all = Math.round(seconds ?? Infinity);
  const days = Math.floor(all / 86_400);
  if (days > 99) return "-:--";
  const hours = Math.floor(all / 3600);
  if (days > 0) return `${days}d ${pad(hours % 24)}h`;
  const minutes = Math.floor(all / 60) % 60;
  if (hours > 9) return `${hours}h ${pad(minutes)}m`;
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(all % 60)}` : `${minutes}:${pad(all % 60)}`;
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}

function unitFor(bytes: number, mostBytes = 1024): number {
  if (bytes < mostBytes) return 0;
  let unit = 1;
  while (unit < UNITS.length - 1 && bytes / 1024 ** unit >= NEXT_UNIT) unit++;
  return unit;
}

/** A number with three digits; whole numbers of bytes may have fewer. */
function inUnit(bytes: number, unit: number): string {
  const value = bytes / 1024 ** unit;
  if (unit === 0) return value.toFixed(0);
  return value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
}
