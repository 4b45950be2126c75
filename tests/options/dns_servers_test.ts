import assert from "node:assert/strict";
import { test } from "node:test";
import { joinHostPort } from "../../src/lib/ip_address.ts";
import { parseDnsServers, parseDohServers } from "../../src/options/dns_servers.ts";

const SERVERS: Readonly<Record<string, string>> = {
  "1.1.1.1": "1.1.1.1:53",
  "8.8.8.8:5353": "8.8.8.8:5353",
  "127.0.0.1:65535": "127.0.0.1:65535",
  "2606:4700::1111": "[2606:4700::1111]:53",
  "[2606:4700:4700::1111]:53": "[2606:4700:4700::1111]:53",
  "[2606:4700:4700:0::1111]": "[2606:4700:4700::1111]:53",
  "::1": "[::1]:53",
  "[::1]:1": "[::1]:1",
  "::ffff:192.0.2.1": "192.0.2.1:53",
};

for (const [text, wanted] of Object.entries(SERVERS)) {
  test(`dnsServers: "${text}" is ${wanted}`, () => {
    assert.deepEqual(parseDnsServers([text]).map(({ address, port }) => joinHostPort(address, port)), [
      wanted,
    ]);
  });
}

const NO_SERVERS = [
  ...[
    "",
    "dns.google",
    "1.1.1",
    "1.1.1.1:",
    "1.1.1.1:0",
    "1.1.1.1:65536",
    "1.1.1.1:-1",
    "1.1.1.1:53x",
    ":53",
  ],
  ...[
    "[1.1.1.1]:53",
    "[::1",
    "::1]",
    "[::1]x",
    "[::1]:0",
    "[]:53",
    "[::1%eth0]",
    "udp://1.1.1.1",
    "1.1.1.1,8.8.8.8",
  ],
  ...[" 1.1.1.1", "1.1.1.1\n"],
];

for (const text of NO_SERVERS) {
  test(`dnsServers: ${JSON.stringify(text)} is refused by name`, () => {
    assert.throws(() => parseDnsServers(["1.1.1.1", text]), (error) => {
      assert.ok(error instanceof TypeError);
      assert.ok(
        error.message.startsWith(
          `Cannot use dnsServers entry ${JSON.stringify(text)}: expected an IP address`,
        ),
      );
      return true;
    });
  });
}

test("dnsServers and dohServers are lists of strings, or not given", () => {
  assert.deepEqual([parseDnsServers(undefined), parseDohServers(undefined)], [[], []]);
  for (const wrong of ["1.1.1.1", null, 1, {}, [1], [undefined], [["1.1.1.1"]]]) {
    assert.throws(() => parseDnsServers(wrong), { name: "TypeError", message: /^Cannot use dnsServers/ });
    assert.throws(() => parseDohServers(wrong), { name: "TypeError", message: /^Cannot use dohServers/ });
  }
});

test("dohServers: https URLs, with path, port and query", () => {
  const urls = ["https://dns.example/dns-query", "https://[::1]:8443/q?a=b#c", "HTTPS://Dns.Example"];
  assert.deepEqual(parseDohServers(urls), [
    "https://dns.example/dns-query",
    "https://[::1]:8443/q?a=b",
    "https://dns.example/",
  ]);
});

const NO_URLS = [
  ...["", "dns.example", "1.1.1.1", "http://dns.example/secret", "tls://dns.example", "https://"],
  ...["https://user:secret@dns.example/", "https://user@dns.example/", "https://dns.example:99999/secret"],
];

for (const url of NO_URLS) {
  test(`dohServers: "${url}" is refused, without its secrets`, () => {
    assert.throws(() => parseDohServers([url]), (error) => {
      assert.ok(error instanceof TypeError);
      assert.ok(/^Cannot use a dohServers entry: .*; expected a URL such as https:/.test(error.message));
      assert.ok(!/user|secret/.test(error.message.replace("a user name", "")), error.message);
      return true;
    });
  });
}
