import { Buffer } from "node:buffer";
import { readdir, readFile } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { crc32 } from "node:zlib";
import type { CheckedRange } from "../../src/lib/crc32.ts";
import { contentBytes } from "../../testing/content.ts";
import { claims, readDecoded } from "../helpers/disk/control_file.ts";
import type { Reply } from "../../testing/mod.ts";

/** How a response names the version of its bytes, and which bytes those are. */
interface Served {
  readonly etag: string | null;
  readonly lastModified: string | null;
  readonly size: number;
  readonly content: string;
}

/** What a server had, as far as a judge needs to know it. */
export interface ServerVersion {
  readonly seed: number;
  readonly size: number;
  readonly etag: string | null;
  readonly lastModified: string | null;
}

/** Remembers what a server has sent, and so which files are right and what nobody could have noticed. */
export class Witness {
  readonly #versions = new Map<string, Uint8Array>();
  readonly #served: Served[] = [];
  #isLie = false;

  /** Whether a response had the right headers and wrong bytes, so that no client could tell without a checksum. */
  get isUndetectable(): boolean {
    return this.#isLie;
  }

  /** Notes bytes that the headers of their response misplace. */
  noteLie(): void {
    this.#isLie = true;
  }

  /** Notes a response before it is sent. `current` is what the server has. */
  note(current: ServerVersion, reply: Reply): void {
    const status = reply.status ?? 206;
    const { seed = current.seed, size = current.size } = reply;
    // Of an empty file there is nothing to encode: a range of it is refused, and the encoding is that of the refusal.
    const isEncoded = "Content-Encoding" in (reply.headers ?? {}) && size > 0;
    if ((status !== 200 && status !== 206) || isEncoded || reply.rawHead !== undefined) return;
    const isPage = reply.body !== undefined;
    const content = isPage ? `page ${reply.body}` : `${seed}/${size}`;
    if (!this.#versions.has(content)) {
      const bytes = isPage ? Buffer.from(reply.body) : contentBytes(seed, 0, size);
      this.#versions.set(content, bytes);
    }
    const etag = told(reply, "ETag", reply.etag === undefined ? current.etag : reply.etag);
    const date = reply.lastModified === undefined ? current.lastModified : reply.lastModified;
    const served = { etag, lastModified: told(reply, "Last-Modified", date), content };
    const one: Served = { ...served, size: this.#versions.get(content)!.length };
    this.#isLie ||= this.#served.some((earlier) => earlier.content !== content && looksSame(earlier, one));
    this.#served.push(one);
  }

  /** The version that `bytes` are, exactly. */
  find(bytes: Uint8Array): string | undefined {
    return this.#find((version) => version.length === bytes.length && Buffer.compare(version, bytes) === 0);
  }

  /** The version that starts with `bytes`. */
  findPrefix(bytes: Uint8Array): string | undefined {
    return this.#find((version) =>
      version.length >= bytes.length && Buffer.compare(version.subarray(0, bytes.length), bytes) === 0
    );
  }

  /**
   * Checks that every claim of the control file's record is true of one version. Returns how many bytes it claims,
   * with those of the journal that can be proven.
   */
  async checkClaims(output: string): Promise<number> {
    const decoded = await readDecoded(`${output}.bytehaul`);
    if (decoded === undefined) return 0;
    const { record, journal } = decoded;
    const pieces = claims(record);
    if (claims(record, journal).doneBytes === 0) return 0;
    // Versions that a run with a checksum let in together have no name, and no run without one goes on with them.
    const { etag, lastModified } = record.file.validator;
    if (etag === undefined && lastModified === undefined) return pieces.doneBytes;
    const part = await readFile(`${output}.part`).catch(() => undefined);
    // Killed between the removal of an old part file and the claim of a new one: the next run starts again.
    if (part === undefined) return 0;
    const holds = (version: Uint8Array) =>
      [...pieces.known()].every(({ start, end }) =>
        end <= version.length && Buffer.compare(part.subarray(start, end), version.subarray(start, end)) === 0
      );
    if (this.#find(holds) === undefined && !this.#isLie) {
      throw new Error(`I3: the control file claims ${pieces.doneBytes} bytes that are of no one version`);
    }
    const isProvable = ({ start, end, crc }: CheckedRange) =>
      end <= part.length && crc32(part.subarray(start, end)) === crc;
    return claims(record, journal.filter(isProvable)).doneBytes;
  }

  #find(isIt: (version: Uint8Array) => boolean): string | undefined {
    for (const [name, version] of this.#versions) if (isIt(version)) return name;
    return undefined;
  }
}

function told({ headers = {} }: Reply, name: string, value: string | null): string | null {
  if (!(name in headers)) return value;
  const changed = headers[name];
  return typeof changed === "string" ? changed : null;
}

/** Whether a client that saw `earlier` has to take `later` for the same version (RFC 9110, section 8.8). */
function looksSame(earlier: Served, later: Served): boolean {
  if (earlier.size !== later.size) return false;
  const isStrong = (etag: string | null) => etag !== null && !etag.startsWith("W/");
  const opaque = (etag: string) => etag.replace(/^W\//, "");
  if (earlier.etag !== null && later.etag !== null) {
    if (opaque(earlier.etag) !== opaque(later.etag)) return false;
    if (isStrong(earlier.etag) && isStrong(later.etag)) return true;
  }
  if (isStrong(earlier.etag)) {
    if (later.etag === null) return false;
    return [earlier.lastModified, null].includes(later.lastModified) || earlier.lastModified === null;
  }
  return earlier.lastModified === null || earlier.lastModified === later.lastModified;
}

/** The names beside `output` that belong to it. */
export async function namesOf(output: string): Promise<string[]> {
  const base = basename(output);
  const names = await readdir(dirname(output));
  return names.filter((name) => name === base || name.startsWith(`${base}.`)).sort();
}
