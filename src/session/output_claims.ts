import { normalize } from "node:path";

/** What one download says of the output that it is about to write. */
export interface OutputClaim {
  /**
   * Claims `name`, which is a path, for this download. Returns the URL of the download that has claimed it before,
   * `undefined` when none has.
   */
  take(name: string): string | undefined;
  /** The URL of another download that has claimed `name`. */
  other(name: string): string | undefined;
  /** Lets others have what was claimed. */
  release(): void;
}

/** Which download of several writes which output, whether it still runs or has finished. */
export class OutputClaims {
  readonly #owners = new Map<string, { readonly url: string }>();

  /** The claim of a download of `url`. */
  of(url: string): OutputClaim {
    const owners = this.#owners;
    const owner = { url };
    const names: string[] = [];
    const other = (name: string) => {
      const found = owners.get(normalize(name));
      return found === owner ? undefined : found?.url;
    };
    return {
      other,
      take: (name) => {
        const found = other(name);
        if (found !== undefined) return found;
        owners.set(normalize(name), owner);
        names.push(normalize(name));
        return undefined;
      },
      release: () => names.splice(0).forEach((name) => owners.delete(name)),
    };
  }
}
