import { readFile } from "node:fs/promises";
import { type AddressInfo, connect, type Socket } from "node:net";
import { createServer, type Server, type TlsOptions, type TLSSocket } from "node:tls";
import type { Certificate } from "./certificate.ts";

/** Speaks TLS in the place of a server that does not. */
export class TlsFront implements AsyncDisposable {
  /** Where the server's file is over https. */
  readonly url: string;
  /** Where it listens, as `127.0.0.1:port`. */
  readonly host: string;
  /** For each handshake, the common name of the certificate that the client showed; `undefined` without one. */
  readonly clients: (string | undefined)[] = [];
  readonly #listener: Server;
  readonly #sockets = new Set<Socket>();
  #connections = 0;

  private constructor(listener: Server, target: URL) {
    this.#listener = listener;
    this.host = `127.0.0.1:${(listener.address() as AddressInfo).port}`;
    this.url = `https://${this.host}${target.pathname}`;
    listener.on("connection", (socket: Socket) => {
      this.#connections++;
      this.#keep(socket);
    });
    listener.on("tlsClientError", () => {});
    listener.on("secureConnection", (client: TLSSocket) => {
      this.clients.push(client.getPeerCertificate()?.subject?.CN);
      this.#pass(client, target);
    });
  }

  /** Starts one before the server at `url`, on a free port. */
  static async start(
    url: string,
    certificate: Pick<Certificate, "cert" | "key">,
    options: TlsOptions = {},
  ): Promise<TlsFront> {
    const [cert, key] = await Promise.all([readFile(certificate.cert), readFile(certificate.key)]);
    const listener = createServer({ cert, key, noDelay: true, ...options });
    return await new Promise((resolve, reject) => {
      listener.once("error", reject);
      listener.listen(0, "127.0.0.1", () => resolve(new TlsFront(listener, new URL(url))));
    });
  }

  /** TCP connections so far, those included whose handshake failed. */
  get connections(): number {
    return this.#connections;
  }

  /** Closes every connection and frees the port. */
  async [Symbol.asyncDispose](): Promise<void> {
    const freed = new Promise<void>((resolve) => this.#listener.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await freed;
  }

  #pass(client: Socket, target: URL): void {
    const server = connect({ port: Number(target.port), host: target.hostname, noDelay: true });
    this.#keep(client);
    this.#keep(server);
    client.on("close", () => server.destroy());
    server.on("close", () => client.destroy());
    client.pipe(server);
    server.pipe(client);
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    // Either end may go away at any time; "close" follows.
    socket.on("error", () => {});
  }
}
