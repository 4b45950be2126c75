import { randomBytes } from "node:crypto";
import { basicField } from "../../auth/basic.ts";
import type { Connection, Listener, Network } from "../../runtime/runtime.ts";
import { ByteReader } from "../connect/byte_reader.ts";
import { parseRequestHead } from "./request_head.ts";
import type { Route } from "../connect/routes.ts";

/** Port of a relay, and the secrets that a client needs. */
export interface RelayAddress {
  readonly port: number;
  readonly username: string;
  readonly password: string;
  /** A host that does not exist: the relay itself answers for it. */
  readonly challenge: string;
  /** The value of {@linkcode PROOF_FIELD} in this answer. Only the relay knows it. */
  readonly proof: string;
}

/** The field that proves that an answer is from the relay. */
export const PROOF_FIELD = "proxy-proof";

/** Longest head of a request from our own client. */
const MAX_HEAD_BYTES = 256 * 1024;
const SECRET_BYTES = 24;

/**
 * An HTTP proxy on loopback for this process alone. The runtime's client uses it for connections that the
 * client cannot open itself. TLS starts at the relay, not in the client.
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

  /** `defaultPort` is the port of a request that names none. */
  constructor(network: Network, route: Route, defaultPort: number) {
    this.#network = network;
    this.#route = route;
    this.#defaultPort = defaultPort;
  }

  /** Starts to listen, unless it already does. */
  async start(): Promise<RelayAddress> {
    this.#listener ??= this.#network.listen((client) => void this.#serve(client));
    const { port } = await this.#listener;
    const challenge = this.#challenge;
    return { port, ...this.#credentials, challenge, proof: this.#proof };
  }

  /** Closes every connection. */
  close(): void {
    this.#isClosed = true;
    this.#listener?.then((listener) => listener.close(), () => {}); // the relay never listened
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
      // One side closed the connection. The client sees the end, and the route has recorded its failure.
    } finally {
      exchange.close();
      this.#clients.delete(client);
    }
  }
}

/** Secrets and settings that a relay shares with its client. */
interface Agreement {
  readonly authorization: string;
  readonly defaultPort: number;
  readonly challenge: string;
  readonly answer: Uint8Array;
}

/** One connection of a client, and its current connection to a server. */
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
      // The challenge uses its own connection: a client repeats a request that fails on a reused one.
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
    // A client that aborts its request closes its connection.
    const stop = () => isOpen || this.#over.abort();
    this.#reader.waitForMore().then((more) => more || stop(), stop);
    this.#server = await open(this.#over.signal);
    isOpen = true;
    void this.#passBack(this.#server);
  }

  /** Passes the bytes of the server to the client until their end. */
  async #passBack(server: Connection): Promise<void> {
    try {
      for (let chunk = await server.read(); chunk !== undefined; chunk = await server.read()) {
        await this.#client.write(chunk);
      }
      if (this.#server === server) await this.#client.end();
    } catch {
      // The body was cut. A reset shows the client that this is not the end.
      if (this.#server === server) this.#client.reset();
    }
    if (this.#server === server) this.close();
  }
}

/** Key of the one connection for all requests to a proxy that forwards. */
const FORWARDER = "forwarder";
const REFUSED = encode(
  "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
);

function createSecret(): string {
  return randomBytes(SECRET_BYTES).toString("hex");
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
