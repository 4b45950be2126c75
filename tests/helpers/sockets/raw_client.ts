import { Buffer } from "node:buffer";
import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** How a connection ended: in order, or by a reset. */
export type Ending = "fin" | "reset";

/** An HTTP client that hides nothing: it sends what it is given and shows the bytes that come. */
export class RawClient implements Disposable {
  /** Resolves when the server has ended the connection. */
  readonly ending: Promise<Ending>;
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #wake: () => void = () => {};
  #ended = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (bytes: Buffer) => {
      this.#received = Buffer.concat([this.#received, bytes]);
      this.#wake();
    });
    this.ending = new Promise((resolve) => {
      socket.on("end", () => resolve("fin"));
      socket.on("error", () => resolve("reset"));
    });
    void this.ending.then(() => {
      this.#ended = true;
      this.#wake();
    });
  }

  /** Connects to the host and port of `url`. */
  static async connect(url: string): Promise<RawClient> {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    await once(socket, "connect");
    return new RawClient(socket);
  }

  /** Sends a request for `/file.bin` with these header lines. */
  request(lines: readonly string[] = [], method = "GET"): void {
    this.send([`${method} /file.bin HTTP/1.1`, "Host: test", ...lines, "", ""].join("\r\n"));
  }

  /** Sends this text. */
  send(text: string): void {
    this.#socket.write(text);
  }

  /** Takes the next head, blank line included; what there is of it when the connection ends before. */
  async head(): Promise<string> {
    for (;;) {
      const end = this.#received.indexOf("\r\n\r\n");
      if (end >= 0) return (await this.bytes(end + 4)).toString("latin1");
      if (this.#ended) return (await this.bytes(Infinity)).toString("latin1");
      await this.#more();
    }
  }

  /** Takes the next `count` bytes, or those that came before the connection ended. */
  async bytes(count: number): Promise<Buffer> {
    while (this.#received.length < count && !this.#ended) await this.#more();
    const taken = this.#received.subarray(0, count);
    this.#received = this.#received.subarray(taken.length);
    return taken;
  }

  /** Takes all bytes until the connection ends. */
  rest(): Promise<Buffer> {
    return this.bytes(Infinity);
  }

  /** Stops taking bytes from the system, or goes on. */
  pause(paused: boolean): void {
    if (paused) this.#socket.pause();
    else this.#socket.resume();
  }

  /** Closes the connection. */
  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #more(): Promise<void> {
    return new Promise((resolve) => this.#wake = resolve);
  }
}
