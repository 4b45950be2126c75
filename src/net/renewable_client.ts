import type { HttpClient, RequestOptions } from "../runtime/runtime.ts";

/** How many of them are closed once more. */
const MOST_CLOSED = 4;

interface Generation {
  readonly client: HttpClient;
  /** Requests whose response has not begun. */
  waiting: number;
  isOver: boolean;
}

/** A client whose idle connections can be closed at any time, whatever requests are under way. */
export class RenewableClient implements HttpClient {
  readonly #create: () => HttpClient;
  #current: Generation | undefined;
  /** Those before, which may have had a response under way when they were closed: on Bun its connection stays. */
  #closed: Generation[] = [];

  constructor(create: () => HttpClient) {
    this.#create = create;
  }

  async get(url: string, options: RequestOptions): Promise<Response> {
    const generation = this.#current ??= { client: this.#create(), waiting: 0, isOver: false };
    generation.waiting++;
    try {
      return await generation.client.get(url, options);
    } finally {
      generation.waiting--;
      closeWhenOver(generation);
    }
  }

  /** Closes idle connections; the next request opens another. */
  close(): void {
    for (const before of this.#closed) closeWhenOver(before);
    const generation = this.#current;
    if (generation === undefined) return;
    this.#current = undefined;
    generation.isOver = true;
    this.#closed = [...this.#closed, generation].slice(-MOST_CLOSED);
    closeWhenOver(generation);
  }
}

/** A client that was closed takes no request, and some are between being chosen and being sent. */
function closeWhenOver({ client, waiting, isOver }: Generation): void {
  if (isOver && waiting === 0) client.close();
}
