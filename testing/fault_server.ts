import { Buffer } from "node:buffer";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { clearTimeout, setTimeout } from "node:timers";
import type { ByteRange } from "../src/types.ts";
import { Connection } from "./connection.ts";
import { planResponse, type ResponsePlan } from "./plan.ts";
import { type OpenRequest, parseRange, parseRequestHead, type RequestHead } from "./request.ts";
import { type SendObserver, sendResponse } from "./send.ts";
import type { FaultServerOptions, FileVersion, RecordedRequest, Reply, VersionChange } from "./types.ts";
import { changeVersion, completeVersion, type VersionSpec } from "./version.ts";

const MAX_LIFETIME_MS = 170_000;
const BAD_REQUEST = Buffer.from("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
const STOPPED = "Cannot wait any longer: the fault server was stopped";

interface Waiter {
  readonly predicate: () => boolean;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Serves one file, whose bytes are a function of a seed, under every path of a loopback port. Requests,
 * connections and bytes are counted as they happen.
 *
 * A byte counts as served once it is handed to the socket. The system may buffer some megabytes that the
 * client has not read yet.
 *
 * @example Cutting the first response short
 * ```ts
 * await using server = await FaultServer.start({
 *   size: 1000,
 *   respond: (request) => request.index === 0 ? { cutAfter: 100 } : undefined,
 * });
 * await fetch(server.url).then((response) => response.bytes()).catch(() => "cut");
 * const bytes = await fetch(server.url).then((response) => response.bytes());
 * console.assert(bytes.length === 1000 && server.requests.length === 2);
 * ```
 */
export class FaultServer implements AsyncDisposable {
  /** URL of the file. Every other path of this origin serves the same file. */
  readonly url: string;
  readonly #listener: Server;
  readonly #respond: (request: RecordedRequest) => Reply | undefined;
  readonly #watchdog: ReturnType<typeof setTimeout>;
  readonly #open = new Map<Connection, Promise<void>>();
  readonly #requests: OpenRequest[] = [];
  readonly #rangesServed: { start: number; end: number }[] = [];
  readonly #waiters = new Set<Waiter>();
  readonly #failures: unknown[] = [];
  #version: VersionSpec;
  #connections = 0;
  #maxOpenConnections = 0;
  #bytesServed = 0;
  #stopped: Promise<void> | undefined;

  private constructor(listener: Server, options: FaultServerOptions) {
    this.url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/file.bin`;
    this.#listener = listener;
    this.#respond = options.respond ?? (() => undefined);
    this.#version = changeVersion({ seed: 1, size: options.size }, options);
    listener.on("connection", (socket: Socket) => this.#accept(socket));
    this.#watchdog = setTimeout(
      () => void this.stop().catch(() => {}),
      options.maxLifetimeMs ?? MAX_LIFETIME_MS,
    );
    this.#watchdog.unref();
  }

  /** Starts a server on a free port of 127.0.0.1. */
  static start(options: FaultServerOptions): Promise<FaultServer> {
    const listener = createServer();
    return new Promise((resolve, reject) => {
      listener.once("error", reject);
      listener.listen(0, "127.0.0.1", () => resolve(new FaultServer(listener, options)));
    });
  }

  /** The current version, which is served unless a reply names another one. */
  get version(): FileVersion {
    return completeVersion(this.#version);
  }

  /** The requests so far, in the order of their arrival. */
  get requests(): readonly RecordedRequest[] {
    return this.#requests;
  }

  /** Connections accepted so far. */
  get connections(): number {
    return this.#connections;
  }

  /** Connections that are open now. */
  get openConnections(): number {
    return this.#open.size;
  }

  /** The most connections that were open at one time. */
  get maxOpenConnections(): number {
    return this.#maxOpenConnections;
  }

  /** Bytes of bodies handed to sockets. */
  get bytesServed(): number {
    return this.#bytesServed;
  }

  /**
   * Parts of the file handed to sockets, one for each response that sent bytes of the file, in the order of
   * their first byte.
   */
  get rangesServed(): readonly ByteRange[] {
    return this.#rangesServed;
  }

  /** Changes the file for later requests. Responses that have started continue unchanged. */
  set(change: VersionChange): void {
    this.#version = changeVersion(this.#version, change);
  }

  /**
   * Resolves once `predicate` returns `true`. The server calls it at every request, response, write and
   * change of connections.
   */
  until(predicate: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      if (predicate()) return resolve();
      if (this.#stopped !== undefined) return reject(new Error(STOPPED));
      this.#waiters.add({ predicate, resolve, reject });
    });
  }

  /** Destroys every connection and frees the port. Throws what `respond` threw. */
  stop(): Promise<void> {
    return this.#stopped ??= this.#stop();
  }

  /** Same as {@linkcode FaultServer.stop}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #accept(socket: Socket): void {
    if (this.#stopped !== undefined) return void socket.destroy();
    const connection = new Connection(socket, ++this.#connections, () => {
      this.#open.delete(connection);
      this.#changed();
    });
    const served = this.#serve(connection).catch((error) => {
      this.#failures.push(error);
      connection.destroy();
    });
    this.#open.set(connection, served);
    this.#maxOpenConnections = Math.max(this.#maxOpenConnections, this.#open.size);
    this.#changed();
  }

  async #serve(connection: Connection): Promise<void> {
    for (let goesOn = true; goesOn;) {
      const text = await connection.nextHead();
      if (text === undefined) return;
      const head = parseRequestHead(text);
      if (head === undefined) {
        await connection.write(BAD_REQUEST);
        return connection.end();
      }
      const request = this.#record(head, connection);
      const reply = this.#respond(request) ?? {};
      this.#changed();
      const plan = planResponse(request, completeVersion(changeVersion(this.#version, reply)), reply);
      goesOn = await sendResponse(connection, plan, reply, this.#observe(request, plan));
    }
  }

  #record(head: RequestHead, connection: Connection): OpenRequest {
    const range = parseRange(head.headers["range"], this.#version.size);
    const request: OpenRequest = {
      ...head,
      index: this.#requests.length,
      connection: connection.number,
      receivedAtMs: performance.now(),
      range: range === "unsatisfiable" ? undefined : range,
      status: 0,
      bodyBytes: 0,
    };
    this.#requests.push(request);
    return request;
  }

  #observe(request: OpenRequest, plan: ResponsePlan): SendObserver {
    let served: { start: number; end: number } | undefined;
    return {
      head: () => {
        request.status = plan.status;
        this.#changed();
      },
      body: (bytes) => {
        request.bodyBytes += bytes;
        this.#bytesServed += bytes;
        if (plan.contentStart !== undefined) {
          if (served === undefined) {
            this.#rangesServed.push(served = { start: plan.contentStart, end: plan.contentStart });
          }
          served.end += bytes;
        }
        this.#changed();
      },
    };
  }

  #changed(): void {
    for (const waiter of this.#waiters) {
      try {
        if (!waiter.predicate()) continue;
        waiter.resolve();
      } catch (error) {
        waiter.reject(error);
      }
      this.#waiters.delete(waiter);
    }
  }

  async #stop(): Promise<void> {
    clearTimeout(this.#watchdog);
    const freed = new Promise<void>((resolve) => this.#listener.close(() => resolve()));
    const served = [...this.#open.values()];
    for (const connection of this.#open.keys()) connection.destroy();
    await Promise.all([freed, ...served]);
    for (const waiter of this.#waiters) waiter.reject(new Error(STOPPED));
    this.#waiters.clear();
    if (this.#failures.length > 0) throw this.#failures[0];
  }
}
