import assert from "node:assert/strict";
import { isIP } from "node:net";
import { test } from "node:test";
import {
  formatIp,
  isIpv6,
  isWithin,
  joinHostPort,
  parseIp,
  withoutBrackets,
} from "../../src/lib/ip_address.ts";
import { seededRandom } from "../../testing/content.ts";

const ADDRESSES: Readonly<Record<string, string | undefined>> = {
  "192.0.2.1": "192.0.2.1",
  "0.0.0.0": "0.0.0.0",
  "255.255.255.255": "255.255.255.255",
  "::": "::",
  "::1": "::1",
  "0:0:0:0:0:0:0:1": "::1",
  "2001:DB8::A": "2001:db8::a",
  "2001:db8:0:0:1:0:0:1": "2001:db8::1:0:0:1",
  "1:2:3:4:5:6:7::": "1:2:3:4:5:6:7:0",
  "::ffff:192.0.2.1": "192.0.2.1",
  "::ffff:c000:201": "192.0.2.1",
  "::192.0.2.1": "::c000:201",
  "64:ff9b::192.0.2.1": "64:ff9b::c000:201",
  "": undefined,
  "192.0.2": undefined,
  "192.0.2.256": undefined,
  "192.0.2.01": undefined,
  "0x7f.0.0.1": undefined,
  "192.0.2.1.": undefined,
  "192.0.2.1:53": undefined,
  " 192.0.2.1": undefined,
  "[::1]": undefined,
  "::1%eth0": undefined,
  "::1]/x": undefined,
  ":": undefined,
  ":::": undefined,
  "1:2:3:4:5:6:7:8:9": undefined,
  "example.com": undefined,
  "abc": undefined,
  "1.2.3.4.5": undefined,
};

for (const [text, wanted] of Object.entries(ADDRESSES)) {
  test(`parseIp() takes "${text}" as ${wanted ?? "no address"}`, () => assert.equal(parseIp(text), wanted));
}

test("isIpv6() tells the families apart", () => {
  assert.equal(isIpv6("::1"), true);
  assert.equal(isIpv6("127.0.0.1"), false);
});

test("joinHostPort() puts an IPv6 address into brackets, and withoutBrackets() takes them off", () => {
  const hosts = [["example.com", "example.com"], ["192.0.2.1", "192.0.2.1"], [
    "2001:db8::1",
    "[2001:db8::1]",
  ]];
  for (const [host = "", inUrl = ""] of hosts) {
    assert.equal(joinHostPort(host, 53), `${inUrl}:53`);
    assert.equal(new URL(`http://${joinHostPort(host, 53)}`).host, `${inUrl}:53`);
    assert.equal(withoutBrackets(inUrl), host);
    assert.equal(withoutBrackets(host), host);
  }
});

const NETWORKS: readonly (readonly [address: string, network: string, wanted: boolean])[] = [
  ["10.1.2.3", "10.0.0.0/8", true],
  ["11.1.2.3", "10.0.0.0/8", false],
  ["10.1.2.3", "10.9.9.9/8", true],
  ["192.168.5.127", "192.168.5.0/25", true],
  ["192.168.5.128", "192.168.5.0/25", false],
  ["203.0.113.9", "0.0.0.0/0", true],
  ["203.0.113.9", "203.0.113.9/32", true],
  ["203.0.113.8", "203.0.113.9/32", false],
  ["203.0.113.9", "203.0.113.9/33", false],
  ["fd12::1", "fd00::/8", true],
  ["fe80::1", "fd00::/8", false],
  ["2001:db8:0:8000::", "2001:db8::/49", false],
  ["2001:db8:0:7fff::", "2001:db8::/49", true],
  ["::1", "::1/128", true],
  ["::1", "::/0", true],
  ["::1", "::1/129", false],
  ["::1", "0.0.0.0/0", false],
  ["10.1.2.3", "::/0", false],
  ["::ffff:10.1.2.3", "10.0.0.0/8", true],
  ["10.1.2.3", "::ffff:10.0.0.0/104", true],
  ["11.1.2.3", "::ffff:10.0.0.0/104", false],
  ["10.1.2.3", "::ffff:10.0.0.0/95", false],
  ["10.1.2.3", "10.0.0.0", false],
  ["10.1.2.3", "10.0.0.0/", false],
  ["10.1.2.3", "10.0.0.0/-1", false],
  ["10.1.2.3", "10.0.0.0/8/8", false],
  ["10.1.2.3", "10/8", false],
  ["example.com", "0.0.0.0/0", false],
];

for (const [address, network, wanted] of NETWORKS) {
  test(`${address} is ${wanted ? "" : "not "}within ${network}`, () => {
    assert.equal(isWithin(address, network), wanted);
  });
}

test("what formatIp() writes is an address, and parseIp() leaves it as it is", () => {
  const random = seededRandom(1);
  for (let round = 0; round < 2000; round++) {
    const isSparse = random() < 0.5;
    const bytes = Uint8Array.from(
      { length: random() < 0.5 ? 4 : 16 },
      () => isSparse && random() < 0.7 ? 0 : random() * 256,
    );
    const text = formatIp(bytes);
    assert.equal(isIP(text), bytes.length === 4 ? 4 : 6);
    assert.equal(parseIp(text), text);
    assert.equal(isWithin(text, `${text}/${bytes.length * 8}`), true);
  }
});
