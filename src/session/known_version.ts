import { agree, strongerTag } from "../http/validator.ts";
import type { Validator } from "../types.ts";

const NAMELESS: Validator = { etag: undefined, lastModified: undefined };

/** The version of the file that is being fetched, as its server names it. */
export class KnownVersion {
  readonly size: number | undefined;
  readonly isJudgedByChecksum: boolean;
  #validator: Validator;
  readonly #others = new Map<string, Validator>();
  #isFromElsewhere = false;

  constructor(size: number | undefined, validator: Validator, isJudgedByChecksum: boolean) {
    this.size = size;
    this.#validator = validator;
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

  /** Takes up what a further response calls the version, once it has been let in. */
  note(seen: Validator): void {
    if (!agree(this.#validator, seen)) {
      this.#others.set(JSON.stringify([seen.etag, seen.lastModified]), seen);
      return;
    }
    const etag = strongerTag(this.#validator, seen);
    if (etag !== undefined) this.#validator = { ...this.#validator, etag };
  }

  /** What an earlier run left is of a version that was named otherwise, or not at all. */
  noteLeftovers(recorded: Validator): void {
    this.#isFromElsewhere = true;
    this.note(recorded);
  }
}

function nameOf({ etag, lastModified }: Validator): string {
  if (etag !== undefined) return `the ETag ${etag}`;
  return lastModified === undefined ? "no name" : `the date ${lastModified}`;
}
