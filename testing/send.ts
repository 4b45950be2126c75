import { Buffer } from "node:buffer";
import type { Connection } from "./connection.ts";
import type { ResponsePlan } from "./plan.ts";
import type { Reply } from "./types.ts";

const WRITE_BYTES = 64 * 1024;
const PACED_WRITES_A_SECOND = 50;
const MAX_CATCH_UP_MS = 100;

/** Callbacks for each step of a response, called just before the bytes are handed to the socket. */
export interface SendObserver {
  /** The head is sent. */
  readonly head: () => void;
  /** `bytes` more bytes of the body are sent. */
  readonly body: (bytes: number) => void;
}

/**
 * Sends a response with the faults of `reply`. Returns whether another response may follow on the connection.
 */
export async function sendResponse(
  connection: Connection,
  plan: ResponsePlan,
  reply: Reply,
  observer: SendObserver,
): Promise<boolean> {
  if (reply.refuse) connection.destroy();
  if (reply.refuse || reply.never) return false;
  await connection.sleep(reply.delayMs ?? 0);
  for (const head of reply.informational ?? []) await writeText(connection, `${head}\r\n\r\n`);
  if (connection.closed) return false;
  observer.head();
  await writeText(connection, plan.head);

  const fault = firstFault(connection, reply);
  const broken = fault.after <= plan.length;
  await sendBody(connection, plan, broken ? fault.after : plan.length, makePace(connection, reply), observer);
  if (broken) {
    fault.act();
    return false;
  }
  if (plan.chunkSize !== undefined) await writeText(connection, CHUNKED_ENDS[reply.chunkedEnd ?? "complete"]);
  if (plan.closes) connection.end();
  return !plan.closes;
}

const CHUNKED_ENDS = { "complete": "0\r\n\r\n", "no-last-crlf": "0\r\n", "cut": "" };

function writeText(connection: Connection, text: string): Promise<void> {
  return connection.write(Buffer.from(text, "latin1"));
}

interface Fault {
  /** Bytes of the body that are still sent. */
  readonly after: number;
  readonly act: () => void;
}

function firstFault(connection: Connection, reply: Reply): Fault {
  const faults: Fault[] = [
    { after: reply.cutAfter ?? Infinity, act: () => connection.end() },
    { after: reply.resetAfter ?? Infinity, act: () => connection.reset() },
    { after: reply.silentAfter ?? Infinity, act: () => {} },
  ];
  return faults.reduce((first, fault) => fault.after < first.after ? fault : first);
}

async function sendBody(
  connection: Connection,
  plan: ResponsePlan,
  end: number,
  pace: Pace,
  observer: SendObserver,
): Promise<void> {
  const writeBytes = Math.min(pace.maxBytes, end);
  // One buffer is filled while the system sends the other.
  let [buffer, busyBuffer] = [new Uint8Array(writeBytes), new Uint8Array(writeBytes)];
  let handedOver = Promise.resolve();
  for (let position = 0; position < end && !connection.closed;) {
    const chunkBytes = plan.chunkSize ?? Infinity;
    const inChunk = position % chunkBytes;
    const bytes = buffer.subarray(0, Math.min(end - position, chunkBytes - inChunk));
    plan.fill(position, bytes);
    await pace.wait(bytes.length);
    await handedOver;
    if (connection.closed) return;
    if (plan.chunkSize !== undefined && inChunk === 0) {
      await writeText(connection, `${Math.min(chunkBytes, plan.length - position).toString(16)}\r\n`);
    }
    observer.body(bytes.length);
    handedOver = connection.write(bytes);
    position += bytes.length;
    [buffer, busyBuffer] = [busyBuffer, buffer];
    if (plan.chunkSize !== undefined && (position % chunkBytes === 0 || position === plan.length)) {
      await writeText(connection, "\r\n");
    }
  }
  await handedOver;
}

interface Pace {
  /** Largest number of bytes in one write. */
  readonly maxBytes: number;
  /** Resolves when `bytes` more bytes may be sent. */
  readonly wait: (bytes: number) => Promise<void>;
}

function makePace(connection: Connection, { throttle, dripMs }: Reply): Pace {
  if (dripMs === undefined && throttle === undefined) {
    return { maxBytes: WRITE_BYTES, wait: () => Promise.resolve() };
  }
  const msPerByte = dripMs ?? 1000 / (throttle ?? Infinity);
  const pacedBytes = dripMs === undefined ? (throttle ?? 0) / PACED_WRITES_A_SECOND : 1;
  let dueMs = performance.now();
  return {
    maxBytes: Math.min(WRITE_BYTES, Math.max(1, Math.floor(pacedBytes))),
    async wait(bytes) {
      await connection.sleep(dueMs - performance.now());
      // A client that paused its reads does not get all missed bytes in one burst.
      dueMs = Math.max(dueMs, performance.now() - MAX_CATCH_UP_MS) + bytes * msPerByte;
    },
  };
}
