import { versionChanged } from "../../http/response_check.ts";
import { agree, proveSame, strongerTag, tellsVersion } from "../../http/validator.ts";
import type { Validator } from "../../types.ts";

const NAMELESS: Validator = { etag: undefined, lastModified: undefined };

/** The version of the file that is being fetched, as its server names it. */
export class KnownVersion {
  readonly size: number | undefined;
  readonly isJudgedByChecksum: boolean;
  #validator: Validator;
  /** What any response told, where the first one did not. */
  #told: Validator;
  readonly #others = new Map<string, Validator>();
  #isFromElsewhere = false;

  constructor(size: number | undefined, validator: Validator, isJudgedByChecksum: boolean) {
    this.size = size;
    this.#validator = this.#told = validator;
    this.isJudgedByChecksum = isJudgedByChecksum;
  }

  /** What every response must agree with. */
  get validator(): Validator {
    return this.#validator;
  }

  /** What a later run may rely on: nothing, once parts of several versions have been let in for the checksum to judge. */
  get recorded(): Validator {
    return this.isMixed ? NAMELESS : this.#validator;
  }

  /** Whether parts came from responses that name different versions. */
  get isMixed(): boolean {
    return this.#isFromElsewhere || this.#others.size > 0;
  }

  /** What is mixed, for a message. */
  get mixture(): string {
    const names = [this.#validator, ...this.#others.values()].map(nameOf);
    const versions = `its parts came from versions with ${[...new Set(names)].join(" and ")}`;
    return this.#isFromElsewhere ? `${versions}, some of them fetched by an earlier run` : versions;
  }

  /** Takes up what a response to `If-Range` or another proof of the version calls it. */
  noteSame(seen: Validator): void {
    const etag = strongerTag(this.#validator, seen);
    if (etag !== undefined) this.#validator = { ...this.#validator, etag };
  }

  /**
   * Takes up what a further response calls the version, once it has been let in. Throws when it contradicts another one
   * that told what the first did not.
   */
  note(seen: Validator): void {
    if (this.isJudgedByChecksum) {
      const isNamed = tellsVersion(this.#validator, seen, false) || proveSame(this.#validator, seen);
      if (!isNamed || !agree(this.#told, seen)) return this.#noteOther(seen);
    } else if (!agree(this.#told, seen)) throw versionChanged();
    this.#told = {
      etag: this.#told.etag ?? seen.etag,
      lastModified: this.#told.lastModified ?? seen.lastModified,
    };
    this.noteSame(seen);
  }

  /** What an earlier run left is of a version that was named otherwise, or not at all. */
  noteLeftovers(recorded: Validator): void {
    this.#isFromElsewhere = true;
    if (!agree(this.#validator, recorded)) this.#noteOther(recorded);
  }

  #noteOther(seen: Validator): void {
    this.#others.set(JSON.stringify([seen.etag, seen.lastModified]), seen);
  }
}

function nameOf({ etag, lastModified }: Validator): string {
  if (etag !== undefined) return `the ETag ${etag}`;
  return lastModified === undefined ? "no name" : `the date ${lastModified}`;
}
