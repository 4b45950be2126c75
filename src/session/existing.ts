import { DownloadError } from "../errors.ts";
import type { ResolvedSpec } from "../options/resolved_options.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { lookAt } from "../storage/paths.ts";
import { inspectLeftovers, peekPart } from "../storage/inspection.ts";
import type { Output } from "../storage/output.ts";
import type { Logger } from "../types.ts";
import { checkDigest, type VerifiedFile } from "../verify/file_check.ts";
import type { Progress } from "./progress.ts";
import { type ExpectedChecksum, isJudgedByChecksum } from "./sources/expected_checksum.ts";
import { isOfUrl } from "./sources/url_hash.ts";

/** A finished file that has the checksum which the caller gave. */
export interface RightFile {
  readonly path: string;
  /** In bytes. */
  readonly size: number;
}

/** What files that are there are compared with, and how. */
export interface ExistingFilesOptions {
  readonly runtime: Runtime;
  readonly spec: ResolvedSpec;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** What the caller says that the file at `path` hashes to. */
  readonly expectedOf: (path: string) => Promise<ExpectedChecksum | undefined>;
}

/** Compares files that are there with what the caller expects, each once. */
export class ExistingFiles {
  readonly #options: ExistingFilesOptions;
  readonly #compared = new Map<string, VerifiedFile | undefined>();
  #expected: Promise<ExpectedChecksum | undefined> | undefined;

  constructor(options: ExistingFilesOptions) {
    this.#options = options;
  }

  /** What the caller says that the file hashes to; a list has it by the name that the server or the URL gave, `named`. */
  expected(named: string): Promise<ExpectedChecksum | undefined> {
    return this.#expected ??= this.#options.expectedOf(named);
  }

  /** The file at `path`, if it is the right one. Rejects where it is another one that may not be replaced. */
  async rightOrRefuse(path: string, named: string): Promise<RightFile | undefined> {
    const found = await this.find(path, named);
    if (found === undefined || found.matches) return found;
    if (this.#options.spec.overwrite) return undefined;
    throw new DownloadError(
      "output_exists",
      `Cannot write "${path}": it exists already, and its checksum is ${found.actual}, expected ${found.expected}`,
      { remedy: { before: "choose another output or ", options: ["overwrite"], how: "ask to overwrite" } },
    );
  }

  /** The result of comparing the file at `path`; `undefined` where there is nothing to compare. */
  async find(path: string, named: string): Promise<VerifiedFile | undefined> {
    if (!this.#compared.has(path)) this.#compared.set(path, await this.#compare(path, named));
    return this.#compared.get(path);
  }

  /** Whether the file at `path` is the right one, where the server may still say that its name is another. */
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
    const info = await lookAt(runtime, path);
    if (info === undefined || info.kind === "directory") return undefined;
    // An earlier run finished it and was killed before it could clean up. It is checked when that is done.
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
      // What cannot be read, or is no file, is judged by whether it may be replaced.
      if (error instanceof DownloadError) return undefined;
      throw error;
    } finally {
      progress.fetching();
    }
  }
}

/** Removes what an unfinished download of the same file left beside a file that is right. */
export async function tidyUp(
  output: Output,
  { spec, log }: { readonly spec: ResolvedSpec; readonly log: Logger },
): Promise<void> {
  log("info", `"${output.path}" is there and has the right checksum`);
  if (await output.isOfAnother()) {
    log("warn", `"${output.path}" belongs to another user, who may still change it`);
  }
  const found = await inspectLeftovers(output);
  const isOurs = found.kind === "leftover" && isOfUrl(found.record.file, spec.url);
  if (found.kind === "none" || isOurs) await found.discard();
}
