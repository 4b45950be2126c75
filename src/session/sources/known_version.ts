import { versionChanged } from "../../http/response_check.ts";
import { agree, identifiesVersion, proveSame, strongerTag } from "../../http/validator.ts";
import type { Validator } from "../../types.ts";

const NAMELESS: Validator = { etag: undefined, lastModified: undefined };

/** The version of the file that is being fetched, as its server names it. */
export class KnownVersion {
  readonly size: number | undefined;
  readonly isJudgedByChecksum: boolean;
  #validator: Validator;
  /** Validators of later responses, for what the first response did not have. */
  #received: Validator;
  readonly #others = new Map<string, Validator>();
  #isFromElsewhere = false;

  constructor(size: number | undefined, validator: Validator, isJudgedByChecksum: boolean) {
    this.size = size;
    this.#validator = this.#received = validator;
    this.isJudgedByChecksum = isJudgedByChecksum;
  }

  /** The validator that every response must agree with. */
  get validator(): Validator {
    return this.#validator;
  }

  /**
   * The validator that a later run may rely on. It is empty once parts of several versions were accepted, which only
   * a checksum can judge.
   */
  get recorded(): Validator {
    return this.isMixed ? NAMELESS : this.#validator;
  }

  /** Whether parts came from responses that name different versions. */
  get isMixed(): boolean {
    return this.#isFromElsewhere || this.#others.size > 0;
  }

  /** A description of the mixed versions, for a message. */
  get mixture(): string {
    const names = [this.#validator, ...this.#others.values()].map(nameOf);
    const versions = `its parts came from versions with ${[...new Set(names)].join(" and ")}`;
    return this.#isFromElsewhere ? `${versions}, some of them fetched by an earlier run` : versions;
  }

  /** Adds the validator of a response that is proven to be of this version, by `If-Range` or otherwise. */
  noteSame(seen: Validator): void {
    const etag = strongerTag(this.#validator, seen);
    if (etag !== undefined) this.#validator = { ...this.#validator, etag };
  }

  /**
   * Adds the validator of a further response that was accepted. Throws when it contradicts what an earlier response
   * added.
   */
  note(seen: Validator): void {
    if (this.isJudgedByChecksum) {
      const isNamed = identifiesVersion(this.#validator, seen, false) || proveSame(this.#validator, seen);
      if (!isNamed || !agree(this.#received, seen)) return this.#noteOther(seen);
    } else if (!agree(this.#received, seen)) throw versionChanged();
    this.#received = {
      etag: this.#received.etag ?? seen.etag,
      lastModified: this.#received.lastModified ?? seen.lastModified,
    };
    this.noteSame(seen);
  }

  /** Notes that the data of an earlier run has another validator or none. */
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
