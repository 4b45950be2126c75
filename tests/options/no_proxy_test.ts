import assert from "node:assert/strict";
import { test } from "node:test";
import { bypassesProxy } from "../../src/options/no_proxy.ts";
import { FaultServer } from "../../testing/mod.ts";
import { Reach, REACH_FILE } from "../helpers/scenes/reach.ts";

const CASES: readonly (readonly [url: string, noProxy: string, wanted: boolean])[] = [
  ["http://example.com/", "", false],
  ["http://example.com/", " , ,", false],
  ["http://example.com/", "*", true],
  ["http://192.0.2.1/", "*", true],
  ["http://example.com/", " * ", true],
  ["http://example.com/", "a.test,*", true],
  ["http://example.com/", "*.com", true],
  ["http://example.com/", "ex*", false],
  ["http://example.com/", "example.com", true],
  ["http://example.com/", "EXAMPLE.com", true],
  ["http://www.example.com/", "example.com", true],
  ["http://www.example.com/", ".example.com", true],
  ["http://example.com/", ".example.com", true],
  ["http://notexample.com/", "example.com", false],
  ["http://notexample.com/", ".example.com", false],
  ["http://example.com/", "www.example.com", false],
  ["http://example.com.evil.test/", "example.com", false],
  ["http://example.org/", "example.com", false],
  ["http://example.com/", ".", false],
  ["http://example.com./", "example.com", true],
  ["http://example.com/", "example.com.", true],
  ["http://www.example.com./", ".example.com.", true],
  ["http://b.test/", "a.test,b.test", true],
  ["http://b.test/", "a.test b.test", true],
  ["http://b.test/", "a.test ,\tb.test , c.test", true],
  ["http://example.com/", "example.com:80", true],
  ["http://example.com:8080/", "example.com:80", false],
  ["http://example.com:8080/", "example.com:8080", true],
  ["https://example.com/", "example.com:443", true],
  ["https://example.com/", "example.com:80", false],
  ["https://www.example.com/", ".example.com:443", true],
  ["http://example.com:8080/", "example.com", true],
  ["http://example.com/", "example.com:", false],
  ["http://example.com/", "example.com:x", false],
  ["http://192.0.2.1/", "192.0.2.1", true],
  ["http://192.0.2.11/", "192.0.2.1", false],
  ["http://192.0.2.1/", "2.1", false],
  ["http://192.0.2.1/", ".2.1", false],
  ["http://192.0.2.1:81/", "192.0.2.1:81", true],
  ["http://192.0.2.1:81/", "192.0.2.1:82", false],
  ["http://0x7f.1/", "127.0.0.1", true],
  ["http://127.0.0.1./", "127.0.0.1", true],
  ["http://[::1]/", "::1", true],
  ["http://[::1]/", "[::1]", true],
  ["http://[::1]/", "0:0:0:0:0:0:0:1", true],
  ["http://[::1]/", "::2", false],
  ["http://[::1]:8080/", "[::1]:8080", true],
  ["http://[::1]:8080/", "[::1]:81", false],
  ["http://[2001:db8::a]/", "[2001:DB8:0::A]", true],
  ["http://10.1.2.3/", "10.0.0.0/8", true],
  ["http://11.1.2.3/", "10.0.0.0/8", false],
  ["http://[fd00::1]/", "fd00::/8", true],
  ["http://[fe80::1]/", "fd00::/8", false],
  ["http://[::ffff:10.1.2.3]/", "10.0.0.0/8", true],
  ["http://10.1.2.3/", "10.0.0.0/33", false],
  ["http://10.example.com/", "10.0.0.0/8", false],
  ["http://localhost/", "localhost,127.0.0.1,::1", true],
  ["http://127.0.0.1/", "localhost", false],
];

for (const [url, noProxy, wanted] of CASES) {
  test(`${url} ${wanted ? "goes past" : "uses"} the proxy with no_proxy "${noProxy}"`, () => {
    assert.equal(bypassesProxy(new URL(url), noProxy), wanted);
  });
}

const WILD: readonly (readonly [url: string, noProxy: string, wanted: boolean])[] = [
  ["http://www.corp.example/", "*.corp.example", true],
  ["http://a.b.corp.example/", "*.corp.example", true],
  ["http://WWW.Corp.Example./", "*.CORP.example.", true],
  ["http://www.corp.example:8080/", "*.corp.example:8080", true],
  ["http://www.corp.example/", "*.corp.example:8080", false],
  ["http://notcorp.example/", "*.corp.example", false],
  ["http://www.corp.example.evil.test/", "*.corp.example", false],
  ["http://corp.example/", "*.corp.example", false],
  ["http://192.0.2.1/", "*.2.1", false],
  ["http://127.0.0.1/", "127.*", true],
  ["http://127.0.0.1/", "127.0.*", true],
  ["http://127.0.0.1/", "127.*.*.*", true],
  ["http://127.0.0.1/", "127.*.1", false],
  ["http://127.0.0.1:81/", "127.*:81", true],
  ["http://127.0.0.1:82/", "127.*:81", false],
  ["http://0x7f.1/", "127.*", true],
  ["http://128.0.0.1/", "127.*", false],
  ["http://12.70.0.1/", "127.*", false],
  ["http://12.70.0.1/", "12*", false],
  ["http://192.168.7.9/", "10.*,192.168.*", true],
  ["http://10.0.0.1/", "10.0.0.1.*", false],
  ["http://127.example.com/", "127.*", false],
  ["http://example.com:8080/", "*:8080", true],
  ["http://example.com/", "*:8080", false],
  ["http://example.com/", "..", false],
];

for (const [url, noProxy, wanted] of WILD) {
  test(`113 ${url} ${wanted ? "goes past" : "uses"} the proxy with no_proxy "${noProxy}"`, () => {
    assert.equal(bypassesProxy(new URL(url), noProxy), wanted);
  });
}

test("113 a wildcard in NO_PROXY of the environment is obeyed", async () => {
  await using reach = await Reach.open();
  await using server = await FaultServer.start(REACH_FILE);
  const { port } = new URL(server.url);
  const options = { resolve: { [`www.corp.example:${port}`]: "127.0.0.1" } };
  for (
    const [url, NO_PROXY] of [[server.url, "127.*"], [
      `http://www.corp.example:${port}/file.bin`,
      "*.corp.example",
    ]]
  ) {
    const environment = { ALL_PROXY: "http://127.0.0.1:9", NO_PROXY: NO_PROXY! };
    await reach.complete(url!, { ...options, environment });
    await reach.fail("proxy", url!, {
      ...options,
      environment: { ...environment, NO_PROXY: "*.else.example,10.*" },
    });
  }
});
