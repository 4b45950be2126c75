import assert from "node:assert/strict";
import { test } from "node:test";
import { parseChallenges } from "../../src/auth/challenges.ts";
import { describeWanted } from "../../src/auth/wanted_login.ts";

/** Schemes and parameters of a field. */
function parse(field: string | null): [string, Record<string, string>][] {
  return parseChallenges(field).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);
}

const FIELDS: Readonly<Record<string, readonly [string, Record<string, string>][]>> = {
  "Basic": [["Basic", {}]],
  'Basic realm="a, b"': [["Basic", { realm: "a, b" }]],
  'Basic realm="a \\"b\\" \\\\"': [["Basic", { realm: 'a "b" \\' }]],
  'Digest realm="x", nonce="n=,=", qop="auth,auth-int", stale=TRUE': [
    ["Digest", { realm: "x", nonce: "n=,=", qop: "auth,auth-int", stale: "TRUE" }],
  ],
  'Newauth realm="apps", type=1, title="Login to \\"apps\\"", Basic realm="simple"': [
    ["Newauth", { realm: "apps", type: "1", title: 'Login to "apps"' }],
    ["Basic", { realm: "simple" }],
  ],
  "Negotiate, NTLM TlRMTVNTUAAC==, Basic realm=x": [
    ["Negotiate", {}],
    ["NTLM", { tlrmtvntuaac: "=" }],
    ["Basic", { realm: "x" }],
  ],
  'Digest  REALM = "x" ,nonce="a"': [["Digest", { realm: "x", nonce: "a" }]],
  ' , ,Basic realm="x",,': [["Basic", { realm: "x" }]],
  'Digest realm="never closed, nonce=1': [["Digest", { realm: "never closed, nonce=1" }]],
  'realm="of no scheme"': [],
  "": [],
};

for (const [field, wanted] of Object.entries(FIELDS)) {
  test(`parseChallenges() reads ${JSON.stringify(field)}`, () => assert.deepEqual(parse(field), wanted));
}

test("parseChallenges() takes a field that is not there, and bounded time for a hostile one", () => {
  assert.deepEqual(parse(null), []);
  const startedMs = performance.now();
  for (const text of ['"', '"\\', "a=", "a ", ",", '",', " "]) parse(text.repeat(200_000));
  const tookMs = performance.now() - startedMs;
  assert.ok(tookMs < 2000, `${tookMs} ms`);
});

const WANTED: Readonly<Record<string, string | undefined>> = {
  'Basic realm="x"': "Basic",
  'Digest nonce="n", Basic realm="x"': "Digest or Basic",
  "Negotiate, NTLM": "Negotiate or NTLM, which is not supported",
  'Digest nonce="n", algorithm=SHA-9': "Digest with the algorithm SHA-9, which is not supported",
  'Digest nonce="n", algorithm="rm -rf"': "Digest, which is not supported",
  'Negotiate, Digest nonce="n"': "Digest",
  'Bearer realm="x"': "Bearer",
  "": undefined,
};

for (const [field, wanted] of Object.entries(WANTED)) {
  test(`describeWanted() of ${JSON.stringify(field)}`, () => assert.equal(describeWanted(field), wanted));
}
