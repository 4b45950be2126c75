import { basename } from "node:path";
import type { DownloadResult, ProgressSnapshot } from "../types.ts";

/** What the command needs of a download's handle. */
export interface JobHandle extends AsyncIterable<ProgressSnapshot> {
  readonly snapshot: ProgressSnapshot;
  wait(): Promise<DownloadResult>;
  pause(): void;
}

/** One URL of the command line and the download it became. */
export interface Job {
  readonly url: string;
  /** Its place on the command line, from 0. */
  readonly index: number;
  readonly handle: JobHandle;
}

/** What to call a download: its file, or until that is known what the URL ends in. */
export function jobLabel({ url, handle }: Job): string {
  const { path } = handle.snapshot;
  if (path !== undefined) return basename(path);
  const { pathname, host } = new URL(url);
  const last = pathname.split("/").findLast((segment) => segment !== "");
  if (last === undefined) return host;
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}
