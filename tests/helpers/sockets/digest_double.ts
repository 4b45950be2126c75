import { createHash } from "node:crypto";
import { parseChallenges } from "../../../src/auth/challenges.ts";
import type { RecordedRequest } from "../../../testing/mod.ts";

/** How a server wants to be answered. */
export interface DigestDoubleOptions {
  /** As in the challenge; without it there is none in it. */
  readonly algorithm?: "MD5" | "MD5-sess" | "SHA-256" | "SHA-256-sess" | undefined;
  /** Without it the challenge has none. */
  readonly qop?: string;
  /** For how many requests a nonce is good. */
  readonly requestsPerNonce?: number;
  /** Whether it says `stale=true` of a nonce that is used up. */
  readonly saysStale?: boolean;
  /** Whether it wants the name hashed. */
  readonly userhash?: boolean;
  /** What stands before and behind the challenge. */
  readonly around?: readonly [before: string, behind: string];
  /** Whether it is a proxy that asks. */
  readonly isProxy?: boolean;
  readonly user?: string;
  readonly password?: string;
}

/** A reply of a fault server. */
export interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Checks Digest answers as RFC 7616 has it, by its own sums, and remembers each count that was used. */
export class DigestDouble {
  /** Refusals so far. */
  refusals = 0;
  /** What was wrong with an answer; tests expect none. */
  readonly faults: string[] = [];
  readonly #options: DigestDoubleOptions;
  readonly #used = new Map<string, Set<string>>();

  constructor(options: DigestDoubleOptions = {}) {
    this.#options = options;
  }

  /** The refusal of a request, `undefined` when it is let in. */
  refuse(
    { headers, method, path }: Pick<RecordedRequest, "headers" | "method" | "path">,
  ): Refusal | undefined {
    const [answer] = parseChallenges(
      headers[this.#options.isProxy ? "proxy-authorization" : "authorization"] ?? null,
    );
    if (answer?.scheme !== "Digest") return this.#challenge("");
    const { parameters } = answer;
    const used = this.#used.get(parameters.get("nonce") ?? "");
    if (used === undefined) return this.#challenge("");
    const count = parameters.get("nc") ?? String(used.size);
    if (used.has(count)) this.faults.push(`the count ${count} was used twice`);
    if (parameters.get("uri") !== path) this.faults.push(`the URI ${parameters.get("uri")} for ${path}`);
    if (parameters.get("opaque") !== "op=aque") this.faults.push("another opaque");
    if (parameters.get("response") !== this.#responseTo(parameters, method)) return this.#challenge("");
    if (used.size >= (this.#options.requestsPerNonce ?? Infinity)) {
      return this.#challenge(this.#options.saysStale === false ? "" : ", stale=true");
    }
    used.add(count);
    return undefined;
  }

  #challenge(stale: string): Refusal {
    this.refusals++;
    const { algorithm, qop, userhash, around = ["", ""] } = this.#options;
    const nonce = `nonce-${this.#used.size}`;
    this.#used.set(nonce, new Set());
    const field = `Digest realm="the realm", nonce="${nonce}", opaque="op=aque"${stale}` +
      (algorithm === undefined ? "" : `, algorithm=${algorithm}`) +
      (qop === undefined ? "" : `, qop="${qop}"`) + (userhash ? ", userhash=true" : "");
    const headers = {
      [this.#options.isProxy ? "Proxy-Authenticate" : "WWW-Authenticate"]: `${around[0]}${field}${around[1]}`,
    };
    return { status: this.#options.isProxy ? 407 : 401, headers, body: "<html>who are you?</html>" };
  }

  #responseTo(parameters: ReadonlyMap<string, string>, method: string): string {
    const { algorithm = "MD5", qop, userhash, user = "me", password = "s3cret" } = this.#options;
    const hash = (text: string) =>
      createHash(algorithm.startsWith("MD5") ? "md5" : "sha256").update(text).digest("hex");
    const at = (name: string) => parameters.get(name) ?? "";
    const name = userhash ? hash(`${user}:the realm`) : user;
    if (at("username") !== name) this.faults.push(`the name ${at("username")}`);
    let secret = hash(`${user}:the realm:${password}`);
    if (algorithm.endsWith("sess")) secret = hash(`${secret}:${at("nonce")}:${at("cnonce")}`);
    const middle = qop === undefined ? "" : `${at("nc")}:${at("cnonce")}:auth:`;
    if (at("qop") !== (qop === undefined ? "" : "auth")) this.faults.push(`the qop ${at("qop")}`);
    return hash(`${secret}:${at("nonce")}:${middle}${hash(`${method}:${at("uri")}`)}`);
  }
}
