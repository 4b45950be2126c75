import process from "node:process";
import type { Thread, ThreadOptions } from "../runtime.ts";

/** Gives the module the two names that a thread of the web has. */
const PRELUDE = `import { parentPort } from "node:worker_threads";
globalThis.postMessage = (reply, transfer) => parentPort.postMessage(reply, transfer);
parentPort.on("message", (data) => globalThis.onmessage({ data }));
`;

/** Starts a thread of Node. */
export function startNodeThread<Reply>({ source, name, onReply, onFailure }: ThreadOptions<Reply>): Thread {
  // Not an import, because the module takes time to load, and few runs need it.
  const { Worker } = process.getBuiltinModule("node:worker_threads");
  const url = new URL(`data:text/javascript,${encodeURIComponent(PRELUDE + source)}`);
  const worker = new Worker(url, { name });
  worker.on("message", onReply);
  worker.on("error", (error) => onFailure(error instanceof Error ? error.message : String(error)));
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    end: () => void worker.terminate(),
  };
}
