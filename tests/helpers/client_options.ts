import { Dialer } from "../../src/net/connect/dialer.ts";
import { directRoute } from "../../src/net/connect/routes.ts";
import { RoutedClient } from "../../src/net/http1/routed_client.ts";
import { detectRuntime } from "../../src/runtime/detect.ts";
import type { HttpClient, HttpClientOptions, Runtime } from "../../src/runtime/runtime.ts";

/** A client with nothing special about it. */
export const PLAIN_CLIENT: HttpClientOptions = {
  maxIdlePerHost: 8,
  idleTimeoutMs: 90_000,
  ca: [],
  identity: undefined,
};

/** The client that a runtime uses for `http:` without any setting. */
export function plainClient(runtime: Runtime = detectRuntime()): HttpClient {
  return runtime.createHttpClient?.(PLAIN_CLIENT) ?? ownClient(runtime);
}

/** A client on connections of our own. */
export function ownClient({ network, clock }: Runtime = detectRuntime()): HttpClient {
  const resolver = { resolve: (host: string) => network.lookup(host) };
  const dialer = new Dialer({ network, clock, resolver, localAddress: undefined });
  return new RoutedClient(directRoute(dialer), clock, PLAIN_CLIENT);
}
