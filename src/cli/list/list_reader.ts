import { type ListEntry, ListParser } from "./list_parser.ts";

/** Reads a list in pieces, and only as far as its entries are requested. */
export class ListReader {
  readonly #chunks: AsyncIterator<string>;
  readonly #parser = new ListParser();
  readonly #closed = Promise.withResolvers<IteratorReturnResult<undefined>>();
  readonly #ready: ListEntry[] = [];
  /** How many entries of `#ready` were taken. */
  #next = 0;
  #taken = 0;
  #isAtEnd = false;
  #isClosed = false;

  constructor(chunks: AsyncIterable<string>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** How many entries were taken. */
  get taken(): number {
    return this.#taken;
  }

  /** How many entries the list has. It is known once the end was read. */
  get total(): number | undefined {
    return this.#isAtEnd && !this.#isClosed ? this.#taken + this.#ready.length - this.#next : undefined;
  }

  /**
   * Reads the start and returns its entries without taking them: at least one, if the list has any. Where the list
   * may still be written, it waits only for the first entry.
   */
  async peek(isBeingWritten: boolean): Promise<readonly ListEntry[]> {
    await this.#read();
    while (!this.#isAtEnd && this.#ready.length === 0) await this.#read();
    if (!isBeingWritten && !this.#isAtEnd) await this.#read();
    return this.#ready;
  }

  /** Takes the next entry; `undefined` at the end. Calls must not overlap. */
  async take(): Promise<ListEntry | undefined> {
    while (this.#next === this.#ready.length && !this.#isAtEnd) {
      this.#ready.length = this.#next = 0;
      await this.#read();
    }
    if (this.#next === this.#ready.length || this.#isClosed) return undefined;
    this.#taken++;
    return this.#ready[this.#next++];
  }

  /** Ends the list here. A pending `take()` ends, too. */
  close(): void {
    this.#isClosed = true;
    this.#closed.resolve({ done: true, value: undefined });
    void this.#chunks.return?.().catch(() => {}); // no more of it is needed
  }

  async #read(): Promise<void> {
    try {
      const { done, value } = await Promise.race([this.#chunks.next(), this.#closed.promise]);
      this.#isAtEnd = done === true;
      for (const entry of done ? this.#parser.end() : this.#parser.push(value)) this.#ready.push(entry);
    } catch (error) {
      this.#isAtEnd = true;
      throw error;
    }
  }
}
