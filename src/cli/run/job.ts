import { basename } from "node:path";
import type { DownloadResult, ProgressSnapshot } from "../../types.ts";

/** The part of a download's handle that the command uses. */
export interface JobHandle extends AsyncIterable<ProgressSnapshot> {
  readonly snapshot: ProgressSnapshot;
  wait(): Promise<DownloadResult>;
  pause(): void;
}

/** A download, with the URL or the list entry that it belongs to. */
export interface Job {
  /** `undefined` where the line of the list has no URL. */
  readonly url?: string;
  /** Counts from 0. Downloads of the command line come first. */
  readonly index: number;
  /** The line in the list. */
  readonly line?: number;
  /** The name of the list and the line. */
  readonly place?: string;
  /** Whether a checksum is given, which an existing file is compared with. */
  readonly hasChecksum?: boolean;
  readonly handle: JobHandle;
}

/** An entry of the list that cannot be used. */
export class RefusedHandle implements JobHandle {
  readonly snapshot: ProgressSnapshot = {
    ...{ state: "failed", path: undefined, downloaded: 0, total: undefined, speed: 0, etaSeconds: undefined },
    ...{ connections: 0, elapsedMs: 0, retry: undefined },
  };
  readonly #error: Error;

  constructor(error: Error) {
    this.#error = error;
  }

  wait(): Promise<DownloadResult> {
    return Promise.reject(this.#error);
  }

  pause(): void {}

  async *[Symbol.asyncIterator](): AsyncGenerator<ProgressSnapshot, void, void> {}
}

/** The name of a download in messages: its file's name, or the end of the URL while that is not known. */
export function jobLabel({ url, place, handle }: Job): string {
  const { path } = handle.snapshot;
  if (path !== undefined) return basename(path);
  if (url === undefined) return place ?? "";
  const { pathname, host } = new URL(url);
  const last = pathname.split("/").findLast((segment) => segment !== "");
  if (last === undefined) return host;
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}
