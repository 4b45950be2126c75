import { normalize } from "node:path";

/** The result of a claim: the name is ours, or another download claimed it before. */
export type ClaimResult =
  | { readonly isOurs: true }
  /** `url` is what the other download fetches. */
  | { readonly isOurs: false; readonly url: string };

/** The names that one download claims for its output. */
export interface OutputClaim {
  /** Claims `name`, which is a path, for this download. */
  take(name: string): ClaimResult;
  /** The URL of another download that has claimed `name`. */
  other(name: string): string | undefined;
  /** Frees all names that this download claimed. */
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
        if (found !== undefined) return { isOurs: false, url: found };
        owners.set(normalize(name), owner);
        names.push(normalize(name));
        return { isOurs: true };
      },
      release: () => names.splice(0).forEach((name) => owners.delete(name)),
    };
  }
}
