import { createSocket } from "node:dgram";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { answerTo, readQuestion } from "../doubles/dns_answer.ts";

const A = 1;

/** The answer of a server that knows every name, as 127.0.0.1. */
export function loopbackAnswer(question: Uint8Array): Uint8Array {
  const { name, type } = readQuestion(question);
  const records = type === A ? [{ owner: name, type, data: [127, 0, 0, 1] }] : [];
  return answerTo(question, { records });
}

/** Starts a DNS server on a free port of 127.0.0.1 that knows every name, as 127.0.0.1. */
export async function startDnsDouble(): Promise<AsyncDisposable & { readonly host: string }> {
  const socket = createSocket("udp4");
  socket.on("message", (question, { port, address }) => socket.send(loopbackAnswer(question), port, address));
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port }: AddressInfo = socket.address();
  return {
    host: `127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      const closed = once(socket, "close");
      socket.close();
      await closed;
    },
  };
}
