import { Buffer } from "node:buffer";
import { connect, type Socket } from "node:net";
import { type Talk, Talker } from "./talker.ts";

/** What a SOCKS double was asked for. */
export interface SocksRequest {
  /** The kind of the address: 1 is IPv4, 3 is a name, 4 is IPv6. */
  readonly kind: number;
  /** A name or an IPv4 address; hexadecimal digits for IPv6. */
  readonly host: string;
}

/** Decides about a request: a port of 127.0.0.1 to connect to, or the number of a refusal. */
export type SocksAnswer = (request: SocksRequest) => { readonly port: number } | { readonly refusal: number };

/** A SOCKS5 proxy without authentication, which writes down what it is asked and connects where a test says. */
export async function startSocksDouble(
  answer: SocksAnswer,
): Promise<{ readonly talker: Talker; readonly requests: SocksRequest[] }> {
  const requests: SocksRequest[] = [];
  const talk: Talk = (socket) => void serve(socket, requests, answer);
  return { talker: await Talker.start(talk), requests };
}

function serve(socket: Socket, requests: SocksRequest[], answer: SocksAnswer): void {
  socket.once("data", () => {
    socket.write(Uint8Array.of(5, 0));
    socket.once("data", (message: Uint8Array) => {
      const request = parse(message);
      requests.push(request);
      const decided = answer(request);
      const reply = "refusal" in decided ? decided.refusal : 0;
      socket.write(Uint8Array.of(5, reply, 0, 1, 0, 0, 0, 0, 0, 0));
      if ("refusal" in decided) return void socket.end();
      const server = connect(decided.port, "127.0.0.1");
      server.on("error", () => {});
      server.on("close", () => socket.destroy());
      socket.on("close", () => server.destroy());
      socket.pipe(server);
      server.pipe(socket);
    });
  });
}

function parse(message: Uint8Array): SocksRequest {
  const [, , , kind = 0, length = 0] = message;
  const host = kind === 3
    ? new TextDecoder().decode(message.subarray(5, 5 + length))
    : kind === 1
    ? message.subarray(4, 8).join(".")
    : Buffer.from(message.subarray(4, 20)).toString("hex");
  return { kind, host };
}
