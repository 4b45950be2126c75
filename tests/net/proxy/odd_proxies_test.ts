import assert from "node:assert/strict";
import { test } from "node:test";
import { openTunnel, ProxyError } from "../../../src/net/proxy/proxy_check.ts";
import { openSocks } from "../../../src/net/proxy/socks.ts";
import { parseProxy } from "../../../src/options/proxy.ts";
import { connectionOf } from "../../helpers/doubles/fake_connection.ts";

const SIZES = [1, 2, 7, 1000];

function tunnel(answer: string, size: number, doesEnd = false): Promise<void> {
  const proxy = parseProxy("http://proxy.example:3128", "allProxy");
  return openTunnel(connectionOf(answer, size, doesEnd), proxy, "a.example:443", undefined);
}

for (
  const answer of [
    "HTTP/1.1 200 OK\r\n\r\n",
    "HTTP/1.0 200 Connection established\n\n",
    "HTTP/1.0 200 Connection established\nVia: a\n\n",
    "HTTP/1.0 200 Connection established\r\n\n",
    "HTTP/1.0 200 Connection established\r\r\n\r\r\n",
    "HTTP/1.1  200 OK\r\n\r\n",
    "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\n",
  ]
) {
  test(`a tunnel is open after ${JSON.stringify(answer)}, as in curl`, async () => {
    for (const size of SIZES) await tunnel(answer, size);
  });
}

for (
  const [answer, message] of [
    ["", /: it closed the connection without an answer$/],
    ["HTTP/1.1 200 OK\r\nVia: a\r\n", /: its answer makes no sense$/],
    ["SSH-2.0-OpenSSH\r\n", /: its answer makes no sense$/],
    ["HTTP/1.1 abc\r\n\r\n", /: its answer makes no sense$/],
    [`HTTP/1.1 200 OK\r\n${"A: 1\r\n".repeat(20_000)}\r\n`, /: its answer makes no sense$/],
  ] as const
) {
  test(`a proxy answers ${JSON.stringify(answer.slice(0, 30))} and no more`, async () => {
    for (const size of SIZES) {
      await assert.rejects(tunnel(answer, size, true), (error) => {
        assert.ok(error instanceof ProxyError);
        assert.match(error.message, message);
        return true;
      });
    }
  });
}

/** Returns what the proxy got. */
async function socks(url: string, answer: string, size: number): Promise<string> {
  let got = "";
  const connection = {
    ...connectionOf(answer, size),
    write(bytes: Uint8Array) {
      got += String.fromCharCode(...bytes);
      return Promise.resolve();
    },
  };
  await openSocks(connection, parseProxy(url, "allProxy"), { host: "a", port: 80 });
  return got;
}

const REQUEST = "\x05\x01\0\x03\x01a\0\x50";
const REPLY = "\x05\0\0\x01\0\0\0\0\0\0";

test("a SOCKS proxy chooses whether it wants the given credentials, as in curl", async () => {
  const url = "socks5h://me:secret@proxy.example";
  for (const size of SIZES) {
    assert.equal(await socks(url, `\x05\0${REPLY}`, size), `\x05\x02\x02\0${REQUEST}`);
    const login = "\x01\x02me\x06secret";
    assert.equal(await socks(url, `\x05\x02\x01\0${REPLY}`, size), `\x05\x02\x02\0${login}${REQUEST}`);
  }
});

test("a SOCKS proxy that wants another login than it was offered is refused", async () => {
  for (
    const [url, method, message] of [
      ["socks5h://proxy.example", "\x02", /it asks for a user name and a password$/],
      ["socks5h://proxy.example", "\xff", /it asks for a user name and a password$/],
      ["socks5h://me:secret@proxy.example", "\xff", /it takes no user name$/],
      ["socks5h://me:secret@proxy.example", "\x01", /it takes no user name$/],
    ] as const
  ) {
    await assert.rejects(socks(url, `\x05${method}${REPLY}`, 1000), message);
  }
});
