import type { FileVersion, VersionChange } from "./types.ts";

const FIRST_MODIFIED_MS = Date.UTC(2024, 0, 1);
const YEAR_SECONDS = 365 * 24 * 60 * 60;

/** A version whose validators may still be missing. */
export type VersionSpec = VersionChange & Pick<FileVersion, "seed" | "size">;

/** Returns `base` with `change` applied. */
export function changeVersion(base: VersionSpec, change: VersionChange): VersionSpec {
  const { seed = base.seed, size = base.size, etag = base.etag, lastModified = base.lastModified } = change;
  return { seed, size, etag, lastModified };
}

/** Derives missing validators from the seed and the size. */
export function completeVersion({ seed, size, etag, lastModified }: VersionSpec): FileVersion {
  const ageMs = (seed >>> 0) % YEAR_SECONDS * 1000;
  return {
    seed,
    size,
    etag: etag === undefined ? `"${(seed >>> 0).toString(16)}-${size.toString(16)}"` : etag,
    lastModified: lastModified === undefined
      ? new Date(FIRST_MODIFIED_MS + ageMs).toUTCString()
      : lastModified,
  };
}
