import { DownloadError } from "../../errors.ts";
import { within } from "../../lib/waiting.ts";
import type { Clock } from "../../runtime/runtime.ts";
import { Body, type Framing } from "./body.ts";
import type { HttpConnection } from "./http_connection.ts";
import type { RequestTarget } from "./request_head.ts";
import { MalformedResponseError } from "./response_head.ts";

/** A request on its way. */
export interface Exchange {
  readonly connection: HttpConnection;
  readonly target: RequestTarget;
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

/** What is left of a body that nobody wants is read up to these limits, so that its connection can be used again. */
const MAX_UNWANTED_BYTES = 64 * 1024;
const MAX_UNWANTED_MS = 100;

/** Memory of a read whose caller brings none. */
const CHUNK_BYTES = 64 * 1024;

/**
 * The body of a response, which is read into the memory of a BYOB reader. `finish` takes its connection when
 * it was read to its end.
 */
export function streamOf(
  exchange: Exchange,
  framing: Framing,
  finish: () => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const { connection, target, signal } = exchange;
  const body = new Body(connection, framing);
  let isReading = false;
  return new ReadableStream({
    type: "bytes",
    autoAllocateChunkSize: CHUNK_BYTES,
    async pull(controller) {
      const request = controller.byobRequest!;
      const { buffer, byteOffset, byteLength } = request.view!;
      isReading = true;
      try {
        const length = await body.read(new Uint8Array(buffer, byteOffset, byteLength));
        signal.throwIfAborted(); // a closed connection looks like one that has ended
        if (length === 0) {
          finish();
          controller.close();
        }
        request.respond(length);
      } catch (error) {
        connection.close();
        throw explain(error, target, signal);
      } finally {
        isReading = false;
      }
    },
    async cancel() {
      if (!isReading && await isReadToEnd(exchange, body)) finish();
      else connection.close();
    },
  }, { highWaterMark: 0 });
}

/** Reads the end of a body that nobody wants, if it is short and comes soon. */
async function isReadToEnd({ clock, signal }: Exchange, body: Body): Promise<boolean> {
  if (signal.aborted) return false;
  const unwanted = new Uint8Array(MAX_UNWANTED_BYTES);
  try {
    return await within(clock, MAX_UNWANTED_MS, signal, async (limit) => {
      for (let bytes = 0; bytes <= MAX_UNWANTED_BYTES;) {
        const length = await body.read(unwanted);
        if (limit.aborted) return false;
        if (length === 0) return true;
        bytes += length;
      }
      return false;
    });
  } catch {
    return false; // its connection is closed
  }
}

/** The error for whoever waits for the response. */
export function explain(error: unknown, { authority }: RequestTarget, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (!(error instanceof MalformedResponseError)) return error;
  const reason = error.message;
  return new DownloadError("bad_response", `Cannot use the response of ${authority}: ${reason}`, { reason });
}
