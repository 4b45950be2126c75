import { basicField } from "../../auth/basic.ts";
import { toCredentials } from "../../auth/credentials.ts";
import { DigestLogin } from "../../auth/digest_auth.ts";
import type { ProxyServer } from "../../options/resolved_options.ts";

/** The credentials for a proxy: Basic, and Digest once the proxy wants it. */
export class ProxyLogin {
  readonly #basic: string | undefined;
  readonly #digest: DigestLogin | undefined;
  #latest: string | undefined;

  constructor({ username, password }: ProxyServer) {
    if (username === "") return;
    const credentials = toCredentials(username, password);
    this.#basic = basicField(credentials);
    this.#digest = new DigestLogin(credentials);
  }

  /** The value of `Proxy-Authorization` for a request; `undefined` without a user. */
  fieldFor(method: string, uri: string): string | undefined {
    return this.#latest = this.#digest?.fieldFor(method, uri) ?? this.#basic;
  }

  /** Reads the `Proxy-Authenticate` of a refusal. Returns whether another request may succeed. */
  takeUp(challenges: string | null): boolean {
    return this.#digest?.takeUp(challenges, this.#latest ?? null) ?? false;
  }

  /** Notes that the proxy accepted the credentials. */
  accept(): void {
    this.#digest?.accept(this.#latest ?? null, null);
  }
}
