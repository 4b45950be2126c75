import type { HttpClient, HttpResponse, RequestOptions } from "../runtime/runtime.ts";

/** Number of closed clients that are closed once more. */
const MOST_CLOSED = 4;

interface Generation {
  readonly client: HttpClient;
  /** Requests whose response has not started. */
  waiting: number;
  isOver: boolean;
}

/** A client whose idle connections can be closed at any time, also while requests are active. */
export class RenewableClient implements HttpClient {
  readonly #create: () => HttpClient;
  #current: Generation | undefined;
  /** Earlier clients. A response may have been active when its client was closed. */
  #closed: Generation[] = [];

  constructor(create: () => HttpClient) {
    this.#create = create;
  }

  async get(url: string, options: RequestOptions): Promise<HttpResponse> {
    const generation = this.#current ??= { client: this.#create(), waiting: 0, isOver: false };
    generation.waiting++;
    try {
      return await generation.client.get(url, options);
    } finally {
      generation.waiting--;
      closeWhenOver(generation);
    }
  }

  /** Closes idle connections. The next request opens a new one. */
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

/** Closes a client after its last request was sent, because a closed client accepts no request. */
function closeWhenOver({ client, waiting, isOver }: Generation): void {
  if (isOver && waiting === 0) client.close();
}
