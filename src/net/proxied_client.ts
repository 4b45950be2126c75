import { DownloadError } from "../errors.ts";
import type { ProxyServer } from "../resolved_options.ts";
import type { HttpClient, RequestOptions } from "../runtime/runtime.ts";
import { proxyFailed } from "./proxy_check.ts";
import type { Route } from "./routes.ts";

/** Sends requests through a proxy by the runtime's own means, and finds out afterwards why one failed. */
export class ProxiedClient implements HttpClient {
  readonly #client: HttpClient;
  readonly #proxy: ProxyServer;
  readonly #route: Route;

  /** `route` leads through the same proxy. */
  constructor(client: HttpClient, proxy: ProxyServer, route: Route) {
    this.#client = client;
    this.#proxy = proxy;
    this.#route = route;
  }

  async get(url: string, options: RequestOptions): Promise<Response> {
    try {
      return await this.#client.get(url, options);
    } catch (error) {
      options.signal.throwIfAborted();
      if (error instanceof DownloadError && error.code === "tls") throw error;
      await this.#tryItself(new URL(url), options.signal);
      // It works for us: then it is what lies behind that failed.
      throw proxyFailed(this.#proxy, `no answer came through it`, true);
    }
  }

  close(): void {
    this.#client.close();
  }

  /** Rejects with what is wrong with the proxy, if something is. */
  async #tryItself(url: URL, signal: AbortSignal): Promise<void> {
    const isSecure = url.protocol === "https:";
    const way = isSecure ? this.#route : this.#route.forwarder ?? this.#route;
    const port = Number(url.port || (isSecure ? 443 : 80));
    const connection = await way.open(signal, url.hostname.replace(/^\[|\]$/g, ""), port);
    connection.close();
  }
}
