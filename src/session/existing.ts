import { DownloadError } from "../errors.ts";
import { lookAt } from "../storage/paths.ts";
import { inspectLeftovers, peekPart } from "../storage/inspection.ts";
import type { Output } from "../storage/output.ts";
import type { SessionContext } from "./context.ts";
import { expectedByCaller, type ExpectedChecksum } from "./sources/expected_checksum.ts";
import { checkDigest, type VerifiedFile } from "./file_check.ts";
import { isOfUrl } from "./resume.ts";

/** A finished file that has the checksum which the caller gave. */
export interface RightFile {
  readonly path: string;
  /** In bytes. */
  readonly size: number;
}

/** Compares finished files with the checksum that the caller expects, each once. */
export class ExistingFiles {
  readonly #context: SessionContext;
  readonly #signal: AbortSignal;
  readonly #compared = new Map<string, VerifiedFile | undefined>();
  #expected: Promise<ExpectedChecksum | undefined> | undefined;

  constructor(context: SessionContext, signal: AbortSignal) {
    this.#context = context;
    this.#signal = signal;
  }

  /** What the caller says that the file hashes to; a list has it by the name that the server or the URL gave, `named`. */
  expected(named: string): Promise<ExpectedChecksum | undefined> {
    return this.#expected ??= expectedByCaller(this.#context, named, this.#signal);
  }

  /** The file at `path`, if it is the right one. Rejects where it is another one that may not be replaced. */
  async rightOrRefuse(path: string, named: string): Promise<RightFile | undefined> {
    const found = await this.find(path, named);
    if (found === undefined || found.matches) return found;
    if (this.#context.spec.overwrite) return undefined;
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
    const { runtime, spec, status } = this.#context;
    if (spec.checksum === undefined && spec.checksumFile === undefined) return undefined;
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
    const check = { runtime, path, signal: this.#signal, onProgress: () => {} };
    status.state = "verifying";
    try {
      return await checkDigest(check, expected.checksum, "checksum");
    } catch (error) {
      this.#signal.throwIfAborted();
      // What cannot be read, or is no file, is judged by whether it may be replaced.
      if (error instanceof DownloadError) return undefined;
      throw error;
    } finally {
      status.state = "downloading";
    }
  }
}

/** Removes what an unfinished download of the same file left beside a file that is right. */
export async function tidyUp({ spec, log }: SessionContext, output: Output): Promise<void> {
  log("info", `"${output.path}" is there and has the right checksum`);
  if (await output.isOfAnother()) {
    log("warn", `"${output.path}" belongs to another user, who may still change it`);
  }
  const found = await inspectLeftovers(output);
  const isOurs = found.kind === "leftover" && isOfUrl(found.record.file, spec.url);
  if (found.kind === "none" || isOurs) await found.discard();
}
