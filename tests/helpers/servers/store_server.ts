import type { Daemon } from "./daemon.ts";
import { contentBytes } from "../../../testing/content.ts";
import type { PutOptions, RealServer } from "./real_server.ts";
import type { TemporaryDirectory } from "../temp.ts";

/** Makes the fields of a request that the store believes. */
export type Sign = (
  url: URL,
  fields: Readonly<Record<string, string>>,
  length: number,
) => Record<string, string>;

const withoutSignature: Sign = (_, fields) => ({ ...fields });

/** A store that takes files over the network. */
export class StoreServer implements RealServer {
  readonly url: string;
  readonly #fields: Readonly<Record<string, string>>;
  readonly #daemon: Daemon;
  readonly #dir: TemporaryDirectory;
  readonly #sign: Sign;

  /** Takes over a started process. Files get the URL `url/name` and are sent with `fields`. */
  constructor(
    url: string,
    fields: Readonly<Record<string, string>>,
    daemon: Daemon,
    dir: TemporaryDirectory,
    sign: Sign = withoutSignature,
  ) {
    this.url = url;
    this.#fields = fields;
    this.#daemon = daemon;
    this.#dir = dir;
    this.#sign = sign;
  }

  put(name: string, seed: number, size: number, { headers = {} }: PutOptions = {}): Promise<void> {
    const type = { "content-type": "application/octet-stream" };
    return this.send(`/${name}`, contentBytes(seed, 0, size), { ...type, ...this.#fields, ...headers });
  }

  /** Sends a PUT request for what stands behind `url` in this path. */
  async send(path: string, body: Uint8Array<ArrayBuffer>, fields: Record<string, string>): Promise<void> {
    const url = new URL(this.url + path);
    const headers = this.#sign(url, fields, body.length);
    const response = await fetch(url, { method: "PUT", headers, body });
    const said = await response.text();
    if (!response.ok) throw new Error(`Cannot put ${path}: the store answered ${response.status}, ${said}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#daemon.stop();
    await this.#dir[Symbol.asyncDispose]();
  }
}
