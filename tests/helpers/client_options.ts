import type { HttpClientOptions } from "../../src/runtime/runtime.ts";

/** A client with nothing special about it. */
export const PLAIN_CLIENT: HttpClientOptions = {
  maxIdlePerHost: 8,
  idleTimeoutMs: 90_000,
  ca: [],
  identity: undefined,
  proxy: undefined,
};
