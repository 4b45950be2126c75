import { checkResponse, type Expectation, type Verdict } from "../../http/response_check.ts";
import type { SegmentReader } from "../../http/segment_reader.ts";
import { ContradictionError, UnusableResponseError } from "../../http/unusable_response.ts";
import { namesVersion, proveSame, strongValidator, validatorOf } from "../../http/validator.ts";
import type { Clock } from "../../runtime/runtime.ts";
import type { ByteRange } from "../../types.ts";
import type { KnownVersion } from "../sources/known_version.ts";

/** What a {@linkcode VersionCheck} works with. */
export interface VersionCheckOptions {
  readonly clock: Clock;
  readonly version: KnownVersion;
  readonly file: NonNullable<Expectation["file"]>;
}

/** Checks that each response is of the version that is being fetched. Closes a response of another version. */
export class VersionCheck {
  readonly #options: VersionCheckOptions;

  constructor(options: VersionCheckOptions) {
    this.#options = options;
  }

  /** The size of the file in bytes; `undefined` where no response had it. */
  get size(): number | undefined {
    return this.#options.version.size;
  }

  /** Whether a response for the complete file can be shown to be of this version. */
  get isProvable(): boolean {
    const { version } = this.#options;
    if (version.size === undefined) return false;
    return version.isJudgedByChecksum || strongValidator(version.validator) !== undefined;
  }

  /** How many bytes of the file a range has. */
  bytesOf({ start, end }: ByteRange): number {
    return Math.min(end, this.size ?? Infinity) - start;
  }

  /** Checks the response to a request for `range`. Returns the offset at which its body ends. */
  checkPart(reader: SegmentReader, range: ByteRange): number {
    return this.#check(reader, range, (verdict) => {
      if (verdict.kind === "part") return verdict.range.end;
      const isSameVersion = verdict.kind === "complete" && verdict.isSameVersion;
      const what = isSameVersion ? "it is the complete file" : "it is something else";
      const reason = `${what} and not the requested part`;
      throw new UnusableResponseError(reason, { retryable: isSameVersion });
    });
  }

  /** Checks the response to a request for the complete file. Returns its size, `undefined` where it does not say one. */
  checkWhole(reader: SegmentReader): number | undefined {
    return this.#check(reader, undefined, (verdict) => {
      const { clock, version } = this.#options;
      const seen = validatorOf(reader.headers, clock.wallMs());
      // An error page names no version.
      const isPage = namesVersion(version.validator) && !namesVersion(seen);
      if (verdict.kind === "complete" && verdict.isSameVersion && !isPage) return verdict.size;
      if (verdict.kind === "complete" && verdict.size !== undefined && version.size !== undefined) {
        const isSame = verdict.size !== version.size && proveSame(version.validator, seen);
        if (isSame) throw new ContradictionError(version.size, verdict.size);
      }
      const reason = "it is another file, or another version of it, than the one that is being fetched";
      throw new UnusableResponseError(reason);
    });
  }

  /** Whether a response for the complete file has the bytes that were fetched before, or a checksum decides that. */
  isProved({ headers }: SegmentReader): boolean {
    const { clock, version } = this.#options;
    if (!this.isProvable) return false;
    return version.isJudgedByChecksum || proveSame(version.validator, validatorOf(headers, clock.wallMs()));
  }

  /** Rejects a body of unknown length that continues after the known end of the file. */
  refuseMore(reader: SegmentReader): void {
    const { size } = this.#options.version;
    if (size === undefined) return;
    if (this.isProved(reader)) throw new ContradictionError(size, "more");
    throw new UnusableResponseError(`it is longer than the ${size} bytes of the file that is being fetched`);
  }

  #check<T>(reader: SegmentReader, range: ByteRange | undefined, judge: (verdict: Verdict) => T): T {
    const { clock, version, file } = this.#options;
    const wallMs = clock.wallMs();
    try {
      const end = judge(checkResponse(reader, { range, version, wallMs, file }));
      version.note(validatorOf(reader.headers, wallMs));
      return end;
    } catch (error) {
      reader.close();
      throw error;
    }
  }
}
