import { createHash, randomBytes } from "node:crypto";
import { type Challenge, parseChallenges } from "./challenges.ts";
import type { Credentials } from "./credentials.ts";

/** Hash names in challenges, with their names in `node:crypto`. */
const HASHES: ReadonlyMap<string, string> = new Map([
  ["md5", "md5"],
  ["sha-256", "sha256"],
  ["sha-512-256", "sha512-256"],
]);

/** Whether a Digest challenge can be answered. */
export function isAnswerable({ scheme, parameters }: Challenge): boolean {
  return scheme.toLowerCase() === "digest" && parameters.has("nonce") && HASHES.has(hashNameIn(parameters)) &&
    (!parameters.has("qop") || qopIn(parameters) !== undefined);
}

function randomCnonce(): string {
  return randomBytes(16).toString("hex");
}

/**
 * Answers the Digest challenges of one server (RFC 7616). All connections share its nonce, so that a download is refused
 * once and not once for each request.
 */
export class DigestLogin {
  readonly #credentials: Credentials;
  readonly #createCnonce: () => string;
  #answers: DigestAnswers | undefined;
  /**
   * Whether the server has accepted an answer with this nonce. If so, a refusal means that the nonce has
   * expired.
   */
  #isProven = false;

  /** `createCnonce` makes the client nonce. */
  constructor(credentials: Credentials, createCnonce: () => string = randomCnonce) {
    this.#credentials = credentials;
    this.#createCnonce = createCnonce;
  }

  /** The value of the field for a request, `undefined` before the first challenge. */
  fieldFor(method: string, uri: string): string | undefined {
    return this.#answers?.fieldFor(method, uri);
  }

  /**
   * Reads the challenges of a refusal. Returns whether another request may succeed. `sent` is the field of
   * the refused request.
   */
  takeUp(challenges: string | null, sent: string | null): boolean {
    const challenge = parseChallenges(challenges).find(isAnswerable);
    // deno-lint-ignore no-control-regex -- what no field of HTTP may hold
    if (challenge === undefined || /[\0-\x1f\x7f]/.test(this.#credentials.username)) return false;
    const last = this.#answers;
    // Another connection has already read a newer challenge.
    if (last !== undefined && !last.made(sent)) return true;
    const isStale = challenge.parameters.get("stale")?.toLowerCase() === "true";
    if (last?.realm === realmIn(challenge.parameters) && !isStale && !this.#isProven) return false;
    this.#begin(challenge.parameters);
    return true;
  }

  /**
   * Reads a response that is not a refusal. Its `Authentication-Info` field, `info`, may have the next nonce.
   */
  accept(sent: string | null, info: string | null): void {
    if (this.#answers?.made(sent) !== true) return;
    this.#isProven = true;
    const nonce = parseChallenges(info === null ? null : `info ${info}`)[0]?.parameters.get("nextnonce");
    if (nonce === undefined) return;
    this.#begin(new Map([...this.#answers.parameters, ["nonce", nonce]]));
    this.#isProven = true;
  }

  #begin(parameters: ReadonlyMap<string, string>): void {
    this.#isProven = false;
    this.#answers = new DigestAnswers(parameters, this.#credentials, this.#createCnonce());
  }
}

/** The answers to one challenge. */
class DigestAnswers {
  readonly parameters: ReadonlyMap<string, string>;
  readonly realm: string;
  readonly #hash: (text: string) => string;
  readonly #secret: string;
  readonly #username: string;
  readonly #cnonce: string;
  readonly #nonceField: string;
  #count = 0;

  constructor(parameters: ReadonlyMap<string, string>, credentials: Credentials, cnonce: string) {
    const system = HASHES.get(hashNameIn(parameters))!;
    const { username, password } = credentials;
    this.parameters = parameters;
    this.realm = realmIn(parameters);
    this.#cnonce = cnonce;
    this.#nonceField = `nonce=${quote(nonceIn(parameters))}`;
    this.#hash = (text) => createHash(system).update(text, "latin1").digest("hex");
    const secret = this.#hash(`${username}:${this.realm}:${password}`);
    this.#secret = isSession(parameters) ? this.#hash(`${secret}:${nonceIn(parameters)}:${cnonce}`) : secret;
    this.#username = this.#usernameField(username);
  }

  /** Whether `field` is one of these answers. */
  made(field: string | null): boolean {
    return field?.includes(` ${this.#nonceField},`) ?? false;
  }

  fieldFor(method: string, uri: string): string {
    const { parameters } = this;
    const qop = qopIn(parameters);
    const count = (++this.#count).toString(16).padStart(8, "0");
    const body = qop === "auth-int" ? `:${this.#hash("")}` : "";
    const request = this.#hash(`${method}:${uri}${body}`);
    const middle = qop === undefined ? "" : `${count}:${this.#cnonce}:${qop}:`;
    const response = this.#hash(`${this.#secret}:${nonceIn(parameters)}:${middle}${request}`);
    const algorithm = parameters.get("algorithm");
    const opaque = parameters.get("opaque");
    return [
      `Digest ${this.#username}`,
      `realm=${quote(this.realm)}`,
      this.#nonceField,
      `uri=${quote(uri)}`,
      `response="${response}"`,
      ...(algorithm === undefined ? [] : [`algorithm=${algorithm}`]),
      ...(opaque === undefined ? [] : [`opaque=${quote(opaque)}`]),
      ...(qop === undefined ? [] : [`qop=${qop}`, `nc=${count}`]),
      ...(qop === undefined && !isSession(parameters) ? [] : [`cnonce="${this.#cnonce}"`]),
      ...(isTrue(parameters.get("userhash")) ? ["userhash=true"] : []),
    ].join(", ");
  }

  #usernameField(username: string): string {
    if (isTrue(this.parameters.get("userhash"))) {
      return `username="${this.#hash(`${username}:${this.realm}`)}"`;
    }
    const isUtf8 = this.parameters.get("charset")?.toLowerCase() === "utf-8";
    if (!isUtf8 || /^[ -~]*$/.test(username)) return `username=${quote(username)}`;
    return `username*=UTF-8''${username.replace(/[^\w!#$&+.^`|~-]/g, percentEncode)}`;
  }
}

function hashNameIn(parameters: ReadonlyMap<string, string>): string {
  return (parameters.get("algorithm") ?? "md5").toLowerCase().replace(/-sess$/, "");
}

function isSession(parameters: ReadonlyMap<string, string>): boolean {
  return /-sess$/i.test(parameters.get("algorithm") ?? "");
}

/** The quality of protection; `undefined` when the server offers none, or only unknown ones. */
function qopIn(parameters: ReadonlyMap<string, string>): "auth" | "auth-int" | undefined {
  const offered = parameters.get("qop")?.toLowerCase().split(",").map((word) => word.trim()) ?? [];
  return (["auth", "auth-int"] as const).find((qop) => offered.includes(qop));
}

function nonceIn(parameters: ReadonlyMap<string, string>): string {
  return parameters.get("nonce") ?? "";
}

function realmIn(parameters: ReadonlyMap<string, string>): string {
  return parameters.get("realm") ?? "";
}

function isTrue(value: string | undefined): boolean {
  return value?.toLowerCase() === "true";
}

function quote(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

function percentEncode(byte: string): string {
  return `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}
