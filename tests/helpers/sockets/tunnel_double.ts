import { connect, type Socket } from "node:net";
import { Talker } from "./talker.ts";

/** An HTTP proxy that opens every tunnel, to a port of 127.0.0.1. */
export interface TunnelDouble {
  readonly talker: Talker;
  /** The request line of each connection. */
  readonly asked: readonly string[];
  /** The address that each connection came from. */
  readonly peers: readonly string[];
}

/** Starts a proxy whose tunnels lead to `port`. */
export async function startTunnelDouble(port: number): Promise<TunnelDouble> {
  const asked: string[] = [];
  const peers: string[] = [];
  const talker = await Talker.start((socket: Socket) => {
    peers.push(socket.remoteAddress ?? "");
    socket.once("data", (head: Uint8Array) => {
      asked.push(String(head).split("\r\n")[0]!);
      const server = connect(port, "127.0.0.1");
      server.on("error", () => {});
      server.on("close", () => socket.destroy());
      socket.on("close", () => server.destroy());
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      socket.pipe(server);
      server.pipe(socket);
    });
  });
  return { talker, asked, peers };
}
