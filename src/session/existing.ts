import { DownloadError } from "../errors.ts";
import type { ResolvedSpec } from "../options/resolved_options.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { statPath } from "../storage/paths.ts";
import { inspectLeftovers, peekPart } from "../storage/inspection.ts";
import type { Output } from "../storage/output.ts";
import type { Logger } from "../types.ts";
import { checkDigest, type VerifiedFile } from "../verify/file_check.ts";
import type { Progress } from "./progress.ts";
import { type ExpectedChecksum, isJudgedByChecksum } from "./sources/expected_checksum.ts";
import { isOfUrl } from "./sources/url_hash.ts";

/** An existing file that has the caller's checksum. */
export interface MatchingFile {
  readonly path: string;
  /** In bytes. */
  readonly size: number;
}

/** What existing files are compared with, and how. */
export interface ExistingFilesOptions {
  readonly runtime: Runtime;
  readonly spec: ResolvedSpec;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** The caller's checksum for the file at `path`. */
  readonly expectedOf: (path: string) => Promise<ExpectedChecksum | undefined>;
}

/** Compares existing files with the caller's checksum, each file once. */
export class ExistingFiles {
  readonly #options: ExistingFilesOptions;
  readonly #compared = new Map<string, VerifiedFile | undefined>();
  #expected: Promise<ExpectedChecksum | undefined> | undefined;

  constructor(options: ExistingFilesOptions) {
    this.#options = options;
  }

  /** The caller's checksum of the file. A list is searched for `named`, the name from the server or the URL. */
  expected(named: string): Promise<ExpectedChecksum | undefined> {
    return this.#expected ??= this.#options.expectedOf(named);
  }

  /** The file at `path`, if its checksum is right. Rejects where it is wrong and the file may not be replaced. */
  async matchOrRefuse(path: string, named: string): Promise<MatchingFile | undefined> {
    const found = await this.find(path, named);
    if (found === undefined || found.matches) return found;
    if (this.#options.spec.overwrite) return undefined;
    throw new DownloadError(
      "output_exists",
      `Cannot write "${path}": it exists already, and its checksum is ${found.actual}, expected ${found.expected}`,
      { remedy: { before: "choose another output or ", options: ["overwrite"], how: "turn overwrite on" } },
    );
  }

  /** Compares the file at `path`. Returns `undefined` where there is no file or no checksum. */
  async find(path: string, named: string): Promise<VerifiedFile | undefined> {
    if (!this.#compared.has(path)) this.#compared.set(path, await this.#compare(path, named));
    return this.#compared.get(path);
  }

  /** Whether the file at `path` has the right checksum. The server may still give the file another name. */
  async isRight(path: string): Promise<boolean> {
    try {
      return (await this.find(path, path))?.matches === true;
    } catch (error) {
      const isUnlisted = error instanceof DownloadError && error.code === "checksum_list" &&
        error.cause === undefined;
      if (!isUnlisted) throw error;
      this.#expected = undefined;
      return false;
    }
  }

  async #compare(path: string, named: string): Promise<VerifiedFile | undefined> {
    const { runtime, spec, progress, signal } = this.#options;
    if (!isJudgedByChecksum(spec)) return undefined;
    const info = await statPath(runtime, path);
    if (info === undefined || info.kind === "directory") return undefined;
    // An earlier run finished the file and was killed before it removed its other files. The file is checked when
    // they are removed.
    if (
      info.identity !== undefined &&
      (await peekPart(runtime, path))?.identity === info.identity
    ) {
      return undefined;
    }
    const expected = await this.expected(named);
    if (expected === undefined) return undefined;
    const check = { runtime, path, signal, onProgress: () => {} };
    progress.verifying();
    try {
      return await checkDigest(check, expected.checksum, "checksum");
    } catch (error) {
      signal.throwIfAborted();
      // For a path that is unreadable or no file, it matters later whether it may be replaced.
      if (error instanceof DownloadError) return undefined;
      throw error;
    } finally {
      progress.fetching();
    }
  }
}

/** Removes the files that an unfinished download left beside a file with the right checksum. */
export async function tidyUp(
  output: Output,
  { spec, log }: { readonly spec: ResolvedSpec; readonly log: Logger },
): Promise<void> {
  log("info", `"${output.path}" exists and has the right checksum`);
  if (await output.isOfAnother()) {
    log("warn", `"${output.path}" belongs to another user, who may still change it`);
  }
  const found = await inspectLeftovers(output);
  const isOurs = found.kind === "leftover" && isOfUrl(found.record.file, spec.url);
  if (found.kind === "none" || isOurs) await found.discard();
}
