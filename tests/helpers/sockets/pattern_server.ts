// Serves a huge file that exists nowhere, as fast as the system takes it; prints its URL. Run in a child process, so
// that neither its memory nor its time counts as the client's.
import { createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { MAX_PATTERN_BYTES, patternAt } from "./pattern.ts";

const MAX_LIFETIME_MS = 120_000;
const size = Number(process.argv[2]);

const server = createServer((socket) => {
  let received = "";
  let work = Promise.resolve();
  socket.on("error", () => {}); // a client that goes away
  socket.on("data", (bytes) => {
    received += bytes.toString("latin1");
    for (let end = received.indexOf("\r\n\r\n"); end >= 0; end = received.indexOf("\r\n\r\n")) {
      const head = received.slice(0, end);
      received = received.slice(end + 4);
      work = work.then(() => answer(socket, head));
    }
  });
});

async function answer(socket: Socket, head: string): Promise<void> {
  const [, first, last] = /^range: bytes=(\d+)-(\d*)/im.exec(head) ?? [];
  const start = Number(first ?? 0);
  const end = last ? Math.min(size, Number(last) + 1) : size;
  const fields = [
    first === undefined ? "HTTP/1.1 200 OK" : "HTTP/1.1 206 Partial Content",
    `Content-Length: ${end - start}`,
    ...(first === undefined ? [] : [`Content-Range: bytes ${start}-${end - 1}/${size}`]),
    'ETag: "pattern"',
  ];
  socket.write(`${fields.join("\r\n")}\r\n\r\n`);
  for (let offset = start; offset < end && !socket.destroyed;) {
    const bytes = patternAt(offset, Math.min(MAX_PATTERN_BYTES, end - offset));
    await new Promise<void>((resolve) => {
      socket.once("close", resolve);
      socket.write(bytes, () => {
        socket.removeListener("close", resolve);
        resolve();
      });
    });
    offset += bytes.length;
  }
}

server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}/huge.bin\n`);
});
setTimeout(() => process.exit(1), MAX_LIFETIME_MS).unref();
