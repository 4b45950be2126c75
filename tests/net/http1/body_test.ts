import assert from "node:assert/strict";
import { test } from "node:test";
import { Body, framingOf, isPersistent } from "../../../src/net/http1/body.ts";
import { HttpConnection } from "../../../src/net/http1/http_connection.ts";
import { parseResponseHead, type ResponseHead } from "../../../src/net/http1/response_head.ts";
import { connectionOf } from "../../helpers/doubles/fake_connection.ts";

function head(fields: string, status = 200, minorVersion = 1): ResponseHead {
  return parseResponseHead(`HTTP/1.${minorVersion} ${status} Is\r\n${fields}\r\n\r\n`);
}

/** The body and what follows it. */
async function read(fields: string, text: string, size: number): Promise<[body: string, rest: string]> {
  const connection = new HttpConnection(connectionOf(text, size));
  const shown = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  let body = "";
  const reader = new Body(connection, framingOf(head(fields)));
  const into = new Uint8Array(4);
  for (let length = await reader.read(into); length > 0; length = await reader.read(into)) {
    body += shown(into.subarray(0, length));
  }
  assert.equal(await reader.read(into), 0);
  let rest = "";
  for (let chunk = await connection.read(); chunk !== undefined; chunk = await connection.read()) {
    rest += shown(chunk);
  }
  return [body, rest];
}

const CHUNKED = "Transfer-Encoding: chunked";
const BODIES: Readonly<Record<string, readonly [fields: string, text: string, body: string, rest: string]>> =
  {
    "of a length": ["Content-Length: 5", "hello, more", "hello", ", more"],
    "of the same length twice": ["Content-Length: 5\r\nContent-Length: 5", "hello", "hello", ""],
    "of no bytes": ["Content-Length: 0", "next", "", "next"],
    "that ends with the connection": ["A: 1", "hello, more", "hello, more", ""],
    "in chunks": [CHUNKED, "5\r\nhello\r\n6\r\n, more\r\n0\r\n\r\nnext", "hello, more", "next"],
    "in chunks beside a length": [`${CHUNKED}\r\nContent-Length: 3`, "5\r\nhello\r\n0\r\n\r\n", "hello", ""],
    "in chunks with extensions and trailers": [
      CHUNKED,
      "5;a=b\r\nhello\r\n0 ;x\r\nA: 1\r\nB: 2\r\n\r\nnext",
      "hello",
      "next",
    ],
    "in chunks whose lines end with a line feed alone": [CHUNKED, "5\nhello\n00\n\nnext", "hello", "next"],
    "in chunks whose size has zeros before it": [
      CHUNKED,
      "0000000000000005\r\nhello\r\n0000000000000000\r\n\r\n",
      "hello",
      "",
    ],
    "in chunks with rubbish after the size": [CHUNKED, "5 a\r\nhello\r\n0 b\r\n\r\n", "hello", ""],
    "whose lengths differ": ["Content-Length: 5\r\nContent-Length: 6", "hello, more", "hello, more", ""],
    "of a negative length": ["Content-Length: -5", "hello, more", "hello, more", ""],
    "whose length is no number": ["Content-Length: 0x5", "hello, more", "hello, more", ""],
    "in a coding around the chunks": [
      "Transfer-Encoding: gzip, chunked",
      "5\r\nhello\r\n0\r\n\r\nnext",
      "hello",
      "next",
    ],
    "in a coding without chunks": ["Transfer-Encoding: gzip\r\nContent-Length: 2", "hello", "hello", ""],
    "in chunks of a size in capitals": [CHUNKED, "A\r\n0123456789\r\n0\r\n\r\n", "0123456789", ""],
    "that is as it is": ["Transfer-Encoding: identity\r\nContent-Length: 2", "hello", "he", "llo"],
  };

for (const [what, [fields, text, body, rest]] of Object.entries(BODIES)) {
  test(`a body ${what}`, async () => {
    for (const size of [1, 2, 3, 5, 100]) assert.deepEqual(await read(fields, text, size), [body, rest]);
  });
}

const BROKEN: Readonly<Record<string, readonly [fields: string, text: string]>> = {
  "less than the length": ["Content-Length: 5", "hell"],
  "less than a length beyond all numbers": ["Content-Length: 99999999999999999999", "hello"],
  "no last chunk": [CHUNKED, "5\r\nhello\r\n"],
  "no end after the last chunk": [CHUNKED, "5\r\nhello\r\n0\r\n"],
  "half a chunk": [CHUNKED, "5\r\nhel"],
  "a longer chunk than it says": [CHUNKED, "5\r\nhello!\r\n0\r\n\r\n"],
  "a size that is no number": [CHUNKED, "x\r\nhello\r\n"],
  "a negative size": [CHUNKED, "-5\r\nhello\r\n"],
  "an empty size": [CHUNKED, "\r\nhello\r\n"],
  "a size beyond all numbers": [CHUNKED, `${"f".repeat(20)}\r\nhello\r\n`],
  "a line without an end": [CHUNKED, `5;${"x".repeat(40_000)}`],
  "trailers without an end": [CHUNKED, `0\r\n${"A: 1\r\n".repeat(10_000)}`],
};

for (const [what, [fields, text]] of Object.entries(BROKEN)) {
  test(`a broken body: ${what}`, async () => {
    for (const size of [1, 7, 100_000]) await assert.rejects(read(fields, text, size));
  });
}

test("no body follows 204 and 304, whatever they say", () => {
  for (const status of [204, 304]) {
    assert.deepEqual(framingOf(head("Content-Length: 5", status)), { kind: "length", length: 0 });
    assert.deepEqual(framingOf(head(CHUNKED, status)), { kind: "length", length: 0 });
  }
});

for (
  const [fields, minorVersion, expected] of [
    ["Content-Length: 5", 1, true],
    ["Content-Length: 5\r\nConnection: close", 1, false],
    ["Content-Length: 5\r\nConnection: Foo, Close", 1, false],
    ["Content-Length: 5", 0, false],
    ["Content-Length: 5\r\nConnection: Keep-Alive", 0, true],
    [CHUNKED, 1, true],
    [`${CHUNKED}\r\nContent-Length: 5`, 1, false],
    ["A: 1", 1, false],
  ] as const
) {
  test(`HTTP/1.${minorVersion} with ${JSON.stringify(fields)}: ${expected ? "kept" : "closed"}`, () => {
    const given = head(fields, 200, minorVersion);
    assert.equal(isPersistent(given, framingOf(given)), expected);
  });
}
