import type { HttpClient, RequestOptions } from "../../src/runtime/runtime.ts";
import { contentBytes } from "../../testing/content.ts";
import { type Host, systemError } from "./memory_file.ts";

/** One version of the file. */
export interface MemoryVersion {
  readonly seed: number;
  readonly size: number;
  readonly etag: string | undefined;
}

/** What a server is like. */
export interface MemoryServerOptions extends Partial<MemoryVersion> {
  readonly size: number;
  /** @default {true} */
  readonly acceptsRanges?: boolean;
  /** Whether a whole response tells its length. @default {true} */
  readonly tellsLength?: boolean;
  /** The most bytes that come at once. @default {32768} */
  readonly maxChunk?: number;
}

/** What `surplus` sends behind the end. */
const SURPLUS_BYTES = 100;

const made = new Map<string, Uint8Array<ArrayBuffer>>();

/** The bytes of a version, made once. */
export function bytesOf({ seed, size }: Pick<MemoryVersion, "seed" | "size">): Uint8Array<ArrayBuffer> {
  const key = `${seed}:${size}`;
  const bytes = made.get(key) ?? contentBytes(seed, 0, size);
  made.set(key, bytes);
  return bytes;
}

/**
 * Answers requests for one file from memory. What goes wrong is the host's to say, by the code with which a call
 * `fetch` (the head) or `body` (one chunk) fails: a status, `hang`, `changed`, `whole`, `cut`, `silent`, `surplus`,
 * or the system's name of an error.
 */
export class MemoryServer {
  readonly version: MemoryVersion;
  readonly url = "http://files.test/file.bin";
  /** Bytes of bodies that were handed over. */
  bytesServed = 0;
  /** Requests and bodies that are neither over nor given up. */
  open = 0;
  readonly #acceptsRanges: boolean;
  readonly #tellsLength: boolean;
  readonly #maxChunk: number;

  constructor(options: MemoryServerOptions) {
    const { seed = 1, size, acceptsRanges = true, tellsLength = true, maxChunk = 32_768 } = options;
    this.version = { seed, size, etag: "etag" in options ? options.etag : `"v${seed}"` };
    this.#acceptsRanges = acceptsRanges;
    this.#tellsLength = tellsLength;
    this.#maxChunk = maxChunk;
  }

  /** Another file of the same size, which `changed` answers with. */
  get changed(): MemoryVersion {
    return { ...this.version, seed: this.version.seed + 100, etag: `"v${this.version.seed + 100}"` };
  }

  /** A client whose requests end up here. */
  createClient(host: Host): HttpClient {
    return { get: (_url, options) => this.#get(host, options), close: () => {} };
  }

  async #get(host: Host, { headers, signal }: RequestOptions): Promise<Response> {
    this.open++;
    let isHandedOver = false;
    try {
      signal.throwIfAborted();
      const asked = headers.get("range");
      const code = await host.enter("fetch", asked ?? "whole", signal);
      if (code === "hang") await aborted(signal);
      if (code?.startsWith("E")) throw systemError(code, "fetch");
      if (code !== undefined && /^\d+$/.test(code)) return new Response("no", { status: Number(code) });
      const response = this.#respond(host, code, headers, signal);
      isHandedOver = response.body !== null;
      return response;
    } finally {
      if (!isHandedOver) this.open--;
    }
  }

  #respond(host: Host, code: string | undefined, headers: Headers, signal: AbortSignal): Response {
    const version = code === "changed" ? this.changed : this.version;
    const { size, etag } = version;
    const ifRange = headers.get("if-range");
    const takesRange = this.#acceptsRanges && code !== "whole" && (ifRange === null || ifRange === etag);
    const range = takesRange ? rangeOf(headers.get("range"), size) : undefined;
    const fields = new Headers(etag === undefined ? {} : { etag });
    if (range === undefined) {
      if (this.#tellsLength) fields.set("content-length", `${size}`);
      return new Response(this.#body(host, version, 0, size, signal), { status: 200, headers: fields });
    }
    const { start, end } = range;
    if (start >= size) {
      return new Response(null, { status: 416, headers: { "content-range": `bytes */${size}` } });
    }
    fields.set("content-range", `bytes ${start}-${end - 1}/${size}`);
    fields.set("content-length", `${end - start}`);
    return new Response(this.#body(host, version, start, end, signal), { status: 206, headers: fields });
  }

  #body(host: Host, version: MemoryVersion, start: number, end: number, signal: AbortSignal): ReadableStream {
    const bytes = bytesOf(version);
    const over = new AbortController();
    let position = start;
    const finish = (): void => {
      if (over.signal.aborted) return;
      over.abort();
      signal.removeEventListener("abort", stop);
      this.open--;
    };
    const stop = (): void => {
      finish();
      controlled?.error(signal.reason);
    };
    let controlled: ReadableByteStreamController | undefined;
    const pull = async (controller: ReadableByteStreamController): Promise<void> => {
      const code = await host.enter("body", `${position}`, over.signal);
      if (code === "silent") await aborted(over.signal);
      if (code?.startsWith("E")) {
        finish();
        controller.error(systemError(code, "body"));
        return;
      }
      const surplus = code === "surplus" ? SURPLUS_BYTES : 0;
      const wanted = code === "cut" ? 0 : 1 + Math.floor(host.random() * this.#maxChunk);
      const chunk = bytes.subarray(position, surplus > 0 ? end : Math.min(end, position + wanted));
      position += chunk.length;
      this.bytesServed += chunk.length;
      const isLast = position === end || code === "cut";
      if (isLast) finish();
      if (chunk.length + surplus > 0) controller.enqueue(joined(chunk, surplus));
      if (!isLast) return;
      controller.close();
      controller.byobRequest?.respond(0);
    };
    signal.addEventListener("abort", stop, { once: true });
    return new ReadableStream({
      type: "bytes",
      start: (controller) => void (controlled = controller),
      pull: (controller) =>
        pull(controller).catch((error) => over.signal.aborted ? undefined : controller.error(error)),
      cancel: finish,
    });
  }
}

/** Bytes that nobody else holds, as their memory is handed over with them. */
function joined(chunk: Uint8Array<ArrayBuffer>, surplus: number): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(chunk.length + surplus);
  all.set(chunk);
  return all;
}

function rangeOf(field: string | null, size: number): { start: number; end: number } | undefined {
  const [, start, last] = /^bytes=(\d+)-(\d*)$/.exec(field ?? "") ?? [];
  if (start === undefined) return undefined;
  return { start: Number(start), end: last ? Math.min(size, Number(last) + 1) : size };
}

/** Never fulfils; rejects when the signal is aborted. */
function aborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  if (signal.aborted) reject(signal.reason);
  signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  return promise;
}
