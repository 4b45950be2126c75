import { startNodeThread } from "./node/node_thread.ts";
import type { Thread, ThreadOptions } from "./runtime.ts";

/** Starts a thread. Throws where there are none. */
export function startThread<Reply>(options: ThreadOptions<Reply>): Thread {
  return "Worker" in globalThis ? startWebThread(options) : startNodeThread(options);
}

function startWebThread<Reply>({ source, name, onReply, onFailure }: ThreadOptions<Reply>): Thread {
  // On Deno a `data:` URL needs no permission.
  const worker = new Worker(`data:text/javascript,${encodeURIComponent(source)}`, { type: "module", name });
  worker.onmessage = ({ data }: MessageEvent<Reply>) => onReply(data);
  worker.onerror = (event) => {
    event.preventDefault();
    onFailure(event.message);
  };
  return {
    post: (message, transfer) => worker.postMessage(message, [...transfer]),
    end: () => worker.terminate(),
  };
}
