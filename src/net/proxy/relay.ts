import { basicField } from "../../auth/basic.ts";
import type { Connection, Listener, Network } from "../../runtime/runtime.ts";
import { ByteReader } from "../connect/byte_reader.ts";
import { parseRequestHead } from "./request_head.ts";
import type { Route } from "../connect/routes.ts";

/** Where a relay listens, and the credentials that it requires. */
export interface RelayAddress {
  readonly port: number;
  readonly username: string;
  readonly password: string;
  /** A host that does not exist: the relay itself answers requests for it. */
  readonly challenge: string;
  /** The value of {@linkcode PROOF_FIELD} in its answer. Only the relay knows it. */
  readonly proof: string;
}

/** The field of an answer that shows that it is the relay's. */
export const PROOF_FIELD = "proxy-proof";

/** The longest head of a request that our own client sends. */
const MAX_HEAD_BYTES = 256 * 1024;
const SECRET_BYTES = 24;

/**
 * An HTTP proxy on loopback for this process alone: the runtime's client goes through it where connections are to be
 * opened in a way that the client has no setting for. TLS, where there is some, begins behind it.
 */
export class Relay {
  readonly #network: Network;
  readonly #route: Route;
  readonly #defaultPort: number;
  readonly #credentials = { username: "bytehaul", password: createSecret() };
  readonly #challenge = `relay-${createSecret()}.invalid`;
  readonly #proof = createSecret();
  readonly #clients = new Set<Connection>();
  #listener: Promise<Listener> | undefined;
  #isClosed = false;

  /** `defaultPort` is meant where a request names none. */
  constructor(network: Network, route: Route, defaultPort: number) {
    this.#network = network;
    this.#route = route;
    this.#defaultPort = defaultPort;
  }

  /** Begins to listen, if it does not yet. */
  async start(): Promise<RelayAddress> {
    this.#listener ??= this.#network.listen((client) => void this.#serve(client));
    const { port } = await this.#listener;
    const challenge = this.#challenge;
    return { port, ...this.#credentials, challenge, proof: this.#proof };
  }

  /** Closes every connection. */
  close(): void {
    this.#isClosed = true;
    this.#listener?.then((listener) => listener.close(), () => {}); // it never listened
    for (const client of this.#clients) client.close();
  }

  async #serve(client: Connection): Promise<void> {
    if (this.#isClosed) return client.close();
    this.#clients.add(client);
    const exchange = new Exchange(client, this.#route);
    try {
      await exchange.run({
        authorization: basicField(this.#credentials),
        defaultPort: this.#defaultPort,
        challenge: this.#challenge,
        answer: encode(
          `HTTP/1.1 204 No Content\r\nConnection: close\r\n${PROOF_FIELD}: ${this.#proof}\r\n\r\n`,
        ),
      });
    } catch {
      // Either side broke off. The client sees its connection end, and the route knows why it opened none.
    } finally {
      exchange.close();
      this.#clients.delete(client);
    }
  }
}

/** What a relay and its client have agreed upon. */
interface Agreement {
  readonly authorization: string;
  readonly defaultPort: number;
  readonly challenge: string;
  readonly answer: Uint8Array;
}

/** One connection of a client, and the one that it leads to at the moment. */
class Exchange {
  readonly #client: Connection;
  readonly #route: Route;
  readonly #reader: ByteReader;
  readonly #over = new AbortController();
  #server: Connection | undefined;

  constructor(client: Connection, route: Route) {
    this.#client = client;
    this.#route = route;
    this.#reader = new ByteReader(client);
  }

  /** Returns when the client has no more requests. */
  async run({ authorization, defaultPort, challenge, answer }: Agreement): Promise<void> {
    const { forwarder } = this.#route;
    for (let connectedTo = "";;) {
      const text = await this.#reader.head(MAX_HEAD_BYTES);
      const head = text === undefined ? undefined : parseRequestHead(text, defaultPort);
      if (head === undefined) return;
      if (head.authorization !== authorization) return await this.#client.write(REFUSED);
      // Its connection serves no other request, which a client would send twice should it fail.
      if (head.host === challenge) return await this.#client.write(answer);
      const next = forwarder === undefined ? `${head.host}:${head.port}` : FORWARDER;
      if (next !== connectedTo) {
        await this.#connect((signal) => (forwarder ?? this.#route).open(signal, head.host, head.port));
        connectedTo = next;
      }
      await this.#server!.write(
        forwarder === undefined ? head.forOrigin : head.forProxy(forwarder.login),
      );
    }
  }

  close(): void {
    this.#over.abort();
    this.#client.close();
    this.#server?.close();
  }

  async #connect(open: (signal: AbortSignal) => Promise<Connection>): Promise<void> {
    this.#server?.close();
    this.#server = undefined;
    let isOpen = false;
    // A client that stops waiting closes its connection.
    const stop = () => isOpen || this.#over.abort();
    this.#reader.waitForMore().then((more) => more || stop(), stop);
    this.#server = await open(this.#over.signal);
    isOpen = true;
    void this.#passBack(this.#server);
  }

  /** Passes on what the server sends, until it ends. */
  async #passBack(server: Connection): Promise<void> {
    try {
      for (let chunk = await server.read(); chunk !== undefined; chunk = await server.read()) {
        await this.#client.write(chunk);
      }
      if (this.#server === server) await this.#client.end();
    } catch {
      // Cut off; the client must not take it for an end.
      if (this.#server === server) this.#client.reset();
    }
    if (this.#server === server) this.close();
  }
}

/** Stands for where every request goes when a proxy forwards them. */
const FORWARDER = "forwarder";
const REFUSED = encode(
  "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
);

function createSecret(): string {
  return crypto.getRandomValues(new Uint8Array(SECRET_BYTES)).toHex();
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
