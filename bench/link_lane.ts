import type { Socket } from "node:net";
import { clearTimeout, setTimeout } from "node:timers";

/** The longest delay of a timer that the lane makes up for, and so the longest burst. */
const BURST_MS = 20;
const SLICE_MS = 5;
const HELD_BYTES = 1024 * 1024;
/** A lane with a delay buffers all bytes received during the delay. */
const HELD_BYTES_DELAYED = 256 * 1024 * 1024;

/** How bytes pass in one direction. Without settings they pass as fast as the receiver reads them. */
export interface LaneShape {
  readonly bytesPerSecond?: number | undefined;
  /** Milliseconds between the arrival of a byte and its departure. */
  readonly delayMs?: number | undefined;
  /** After these bytes the lane passes nothing more, and stays open. */
  readonly stopAfterBytes?: number | undefined;
}

/** `undefined` is the end of the stream. */
interface Held {
  readonly bytes: Uint8Array | undefined;
  readonly dueMs: number;
}

/**
 * One direction of a connection. It reads from one socket, writes to another, and reads no faster than it
 * writes.
 */
export class LinkLane {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #shape: LaneShape;
  readonly #onPassed: (bytes: number) => void;
  readonly #queue: Held[] = [];
  #heldBytes = 0;
  #passedBytes = 0;
  /** When the rate allows the next byte. */
  #freeAtMs = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isBlocked = false;

  constructor(from: Socket, to: Socket, shape: LaneShape, onPassed: (bytes: number) => void) {
    this.#from = from;
    this.#to = to;
    this.#shape = shape;
    this.#onPassed = onPassed;
    from.on("data", (bytes: Uint8Array) => this.#take(bytes));
    from.on("end", () => this.#take(undefined));
    to.on("drain", () => {
      this.#isBlocked = false;
      this.#pump();
    });
    to.on("close", () => clearTimeout(this.#timer));
  }

  #take(bytes: Uint8Array | undefined): void {
    this.#queue.push({ bytes, dueMs: performance.now() + (this.#shape.delayMs ?? 0) });
    this.#heldBytes += bytes?.length ?? 0;
    if (this.#heldBytes >= (this.#shape.delayMs === undefined ? HELD_BYTES : HELD_BYTES_DELAYED)) {
      this.#from.pause();
    }
    this.#pump();
  }

  #pump(): void {
    if (this.#timer !== undefined) return;
    for (let next = this.#queue[0]; next !== undefined && !this.#isBlocked; next = this.#queue[0]) {
      const waitMs = Math.max(next.dueMs, this.#freeAtMs) - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => {
          this.#timer = undefined;
          this.#pump();
        }, waitMs);
        return;
      }
      const allowed = this.#allowedBytes();
      if (allowed === 0) {
        this.#from.pause();
        return;
      }
      this.#queue.shift();
      if (next.bytes === undefined) {
        this.#to.end();
        return;
      }
      if (next.bytes.length > allowed) {
        this.#queue.unshift({ bytes: next.bytes.subarray(allowed), dueMs: next.dueMs });
      }
      this.#pass(next.bytes.subarray(0, allowed));
    }
    if (this.#queue.length === 0) this.#from.resume();
  }

  #allowedBytes(): number {
    const { bytesPerSecond = Infinity, stopAfterBytes = Infinity } = this.#shape;
    const slice = Math.ceil(bytesPerSecond * SLICE_MS / 1000);
    return Math.max(0, Math.min(slice, stopAfterBytes - this.#passedBytes));
  }

  #pass(bytes: Uint8Array): void {
    const { bytesPerSecond } = this.#shape;
    if (bytesPerSecond !== undefined) {
      const fromMs = Math.max(this.#freeAtMs, performance.now() - BURST_MS);
      this.#freeAtMs = fromMs + bytes.length / bytesPerSecond * 1000;
    }
    this.#heldBytes -= bytes.length;
    this.#passedBytes += bytes.length;
    this.#isBlocked = !this.#to.write(bytes);
    this.#onPassed(bytes.length);
  }
}
