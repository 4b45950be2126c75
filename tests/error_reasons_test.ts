import assert from "node:assert/strict";
import { test } from "node:test";
import { DownloadError } from "../src/errors.ts";
import { refused } from "../src/http/fields/location.ts";
import { OpenRequest } from "../src/http/open_request.ts";
import { statusError, versionChanged } from "../src/http/response_check.ts";
import { ContradictionError, UnusableResponseError } from "../src/http/unusable_response.ts";
import { dnsError } from "../src/net/dns/dns_error.ts";
import { ProxyError } from "../src/net/proxy/proxy_check.ts";
import { explainFailure } from "../src/runtime/fetch_failure.ts";
import { VirtualClock } from "./helpers/doubles/virtual_clock.ts";

const clock = new VirtualClock();
const request = new OpenRequest(clock, new AbortController().signal);
const broken = request.explain(Object.assign(new Error(), { code: "ECONNRESET" }), {
  broken: "it broke",
  late: "",
});

const expired = new OpenRequest(clock, new AbortController().signal);
expired.watchdog.arm(1000);

const PROXY = { protocol: "http", host: "2001:db8::1", port: 3128, username: "", password: "" } as const;
const REFUSED = Object.assign(new Error(), { code: "ECONNREFUSED" });

const ERRORS: Readonly<Record<string, readonly [error: unknown, before: string, reason: string]>> = {
  "a status": [
    statusError({ status: 503, headers: new Headers() }, 0),
    "Cannot fetch the file: ",
    "the server answered 503 (temporarily unavailable)",
  ],
  "a response that does not fit": [
    new UnusableResponseError("it has several parts"),
    "Cannot use the response: ",
    "it has several parts",
  ],
  "two sizes": [
    new ContradictionError(1, 2),
    "Cannot use the response: ",
    "the server says that this version of the file has 1 bytes, and that it has 2",
  ],
  "another version": [
    versionChanged(),
    "Cannot continue: ",
    "the file on the server changed; its ETag or date is no longer the same",
  ],
  "a redirect": [refused("it leads nowhere"), "Cannot fetch the file: ", "it leads nowhere"],
  "a connection that broke": [broken, "Cannot fetch the file: ", "it broke (ECONNRESET)"],
  "a host that nobody reaches": [
    explainFailure(REFUSED, "example.com"),
    "Cannot reach example.com: ",
    "the connection was refused",
  ],
  "a proxy": [
    new ProxyError(PROXY, "it is closed", true),
    "Cannot use the proxy http://[2001:db8::1]:3128: ",
    "it is closed",
  ],
};

for (const [name, [error, before, reason]] of Object.entries(ERRORS)) {
  test(`the reason of ${name} is its message without what could not be done`, () => {
    assert.ok(error instanceof DownloadError);
    assert.equal(error.reason, reason);
    assert.equal(error.message, before + reason);
  });
}

test("the reason of a request that took too long says how long", async () => {
  await clock.advance(1000);
  const error = expired.explain(new Error(), { broken: "", late: "it was silent for 1 s" });
  assert.ok(error instanceof DownloadError);
  assert.equal(error.reason, "it was silent for 1 s");
});

test("the reason of a host without an address says what was missing", () => {
  const { message, reason } = dnsError("example.com", "DNS has no such name", { retryable: true });
  assert.equal(message, "Cannot find the address of example.com: DNS has no such name");
  assert.equal(reason, "its address was not found (DNS has no such name)");
});
