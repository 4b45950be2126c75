import type { DownloadSpec } from "../../options/options.ts";
import type { CheckedSpec } from "../../options/resolved_options.ts";
import { OutputNames } from "../../lib/output_names.ts";
import type { CliHost } from "../../runtime/console/console.ts";
import { Alternatives } from "./alternatives.ts";
import { describeFailure, ExitStatus, type Failure } from "./failure.ts";
import { inFlags } from "../flags/in_flags.ts";
import type { KeptJob, PausedJob } from "./interruption.ts";
import type { SpecFor } from "../inputs/specs_for.ts";
import type { InputList, ListItem } from "../list/input_list.ts";
import { type Job, type JobHandle, RefusedHandle } from "./job.ts";
import type { Reporter } from "../report/reporter.ts";
import { UsageError } from "../flags/usage_error.ts";
import { publicUrl } from "../inputs/url.ts";

/** The suffixes of control files of aria2 and axel. Both programs write unfinished data under the final name. */
const MARKS_OF_UNFINISHED = [".aria2", ".st"];

/** What a batch works with. */
export interface BatchParts {
  readonly download: (spec: DownloadSpec) => JobHandle;
  readonly reporter: Reporter;
  readonly host: Pick<CliHost, "look">;
  /** How many entries of the list may be active at a time. The rest of the list is not read. */
  readonly listWindow: number;
  /** Whether a file that exists counts as done. */
  readonly skipsExisting: boolean;
  /** How many requests in a row may fail; `undefined` where time limits the retries. */
  readonly tries: number | undefined;
}

/** The downloads of one command: its URLs, and the entries of its list as far as there is room for them. */
export class Batch {
  /** Downloads that an interruption paused. */
  readonly paused: PausedJob[] = [];
  /** Downloads that failed and left data to resume from. */
  readonly kept: KeptJob[] = [];
  /** The completed URLs of the command line. */
  readonly finishedUrls: string[] = [];
  readonly #parts: BatchParts;
  readonly #list: InputList | undefined;
  readonly #running = new Set<Job>();
  #added = 0;
  #exitStatus: number = ExitStatus.done;
  #isStopped = false;
  #isCutShort = false;

  constructor(parts: BatchParts, list: InputList | undefined) {
    this.#parts = parts;
    this.#list = list;
  }

  /**
   * Returns the exit status once all downloads have ended. The status does not show an interruption. A failure does
   * not stop other downloads.
   */
  async run(specs: readonly ReturnType<SpecFor>[]): Promise<number> {
    const { reporter, listWindow } = this.#parts;
    const { length } = specs;
    const jobs = specs.map((spec): Job => ({
      url: spec.url,
      index: this.#added++,
      hasChecksum: hasChecksum(spec),
      handle: this.#parts.download(spec),
    }));
    for (const job of jobs) this.#running.add(job);
    const settled = jobs.map((job) => this.#settle(job));
    reporter.start(() => {
      if (this.#list === undefined) return length;
      return this.#list.total === undefined ? undefined : length + this.#list.total;
    });
    const lanes = this.#list === undefined ? [] : Array.from({ length: listWindow }, () => this.#runLane());
    await Promise.all([...settled, ...lanes]);
    return this.#exitStatus;
  }

  /** Whether a stop left downloads unfinished or not started. */
  get isInterrupted(): boolean {
    return this.paused.length > 0 || this.#isCutShort;
  }

  /** Pauses the running downloads and starts no others. */
  stop(): void {
    this.#isStopped = true;
    this.#isCutShort ||= this.#list !== undefined && !this.#list.isAllTaken;
    this.#list?.close();
    for (const { handle } of this.#running) handle.pause();
  }

  async #runLane(): Promise<void> {
    try {
      while (!this.#isStopped) {
        const item = await this.#list!.take();
        this.#isCutShort ||= this.#isStopped && item !== undefined;
        if (item === undefined || this.#isStopped) return;
        const job = this.#begin(item);
        this.#running.add(job);
        await this.#settle(job);
      }
    } catch (error) {
      this.#fail(ExitStatus.failed);
      this.#parts.reporter.fault(error instanceof Error ? error.message : String(error));
    }
  }

  #begin({ line, place, specs }: ListItem): Job {
    const { download, reporter } = this.#parts;
    const index = this.#added++;
    if (specs instanceof UsageError) return { index, line, place, handle: new RefusedHandle(specs) };
    const common = { index, line, place, hasChecksum: specs.some(hasChecksum) };
    const [first] = specs;
    if (specs.length === 1) return { ...common, url: first!.url, handle: download(first!) };
    const handle = new Alternatives({
      specs,
      download,
      onNext: (url, error) => {
        const text = inFlags(error);
        reporter.log("warn", `${place}: ${publicUrl(url)}: ${text}; trying the next URL of the line`);
      },
    });
    return {
      ...{ ...common, handle },
      get url() {
        return handle.url;
      },
    };
  }

  async #settle(job: Job): Promise<void> {
    const { reporter, tries } = this.#parts;
    const followed = reporter.follow(job);
    const outcome = await job.handle.wait().then(
      (result) => ({ result, failure: undefined }),
      (error: unknown) => ({ result: undefined, failure: describeFailure(error, tries) }),
    );
    await followed;
    this.#running.delete(job);
    const { result, failure } = outcome;
    if (failure === undefined) {
      if (job.line === undefined) this.finishedUrls.push(job.url!);
      reporter.finished(job, result);
      return;
    }
    if (this.#mayExist(job, failure) && await this.#exists(job)) {
      const mark = await this.#markOfUnfinished(job);
      if (mark === undefined) {
        reporter.skipped(job);
      } else {
        this.#fail(ExitStatus.failed);
        reporter.failed(job, { ...failure, message: unfinished(job, mark) });
      }
    } else {
      if (failure.code === "paused") this.paused.push({ job, obstacle: failure.obstacle });
      // A wrong line of a list is a failure, and not wrong usage of the command.
      this.#fail(job.line === undefined ? failure.exitStatus : ExitStatus.failed);
      reporter.failed(job, failure);
      if (failure.code !== "paused" && await this.#isKept(job)) {
        this.kept.push({ job, httpStatus: failure.httpStatus });
      }
    }
  }

  /** With a checksum the library accepts an existing file that matches. So a file that it refuses is wrong. */
  #mayExist({ hasChecksum }: Job, { code }: Failure): boolean {
    return this.#parts.skipsExisting && code === "output_exists" && !hasChecksum;
  }

  /** Whether a file has the name. A directory may have it instead, or another program's unfinished file. */
  async #exists({ handle }: Job): Promise<boolean> {
    const { path } = handle.snapshot;
    const info = path === undefined ? undefined : await this.#parts.host.look(path).catch(() => undefined);
    return info?.kind === "file";
  }

  /** The file that another downloader keeps beside its unfinished output, if there is one. */
  async #markOfUnfinished({ handle }: Job): Promise<string | undefined> {
    for (const suffix of MARKS_OF_UNFINISHED) {
      const mark = handle.snapshot.path + suffix;
      const info = await this.#parts.host.look(mark).catch(() => undefined);
      if (info?.kind === "file") return mark;
    }
    return undefined;
  }

  async #isKept({ handle }: Job): Promise<boolean> {
    const { path, downloaded } = handle.snapshot;
    if (path === undefined || downloaded === 0) return false;
    const { part, control } = new OutputNames(path);
    const isFile = async (at: string) =>
      (await this.#parts.host.look(at).catch(() => undefined))?.kind === "file";
    return await isFile(part) && await isFile(control);
  }

  #fail(status: number): void {
    this.#exitStatus = Math.max(this.#exitStatus, status);
  }
}

function hasChecksum({ resolved: { checksum, checksumFile } }: CheckedSpec): boolean {
  return (checksum ?? checksumFile) !== undefined;
}

function unfinished({ handle }: Job, mark: string): string {
  const [file, beside] = [handle.snapshot.path, mark].map((path) => JSON.stringify(path));
  return `Cannot skip ${file}: ${beside} shows that it is unfinished; finish it with the program that made it, or remove both`;
}
