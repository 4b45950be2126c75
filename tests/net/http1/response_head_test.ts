import assert from "node:assert/strict";
import { test } from "node:test";
import { HttpConnection } from "../../../src/net/http1/http_connection.ts";
import {
  MalformedResponseError,
  parseResponseHead,
  readResponseHead,
} from "../../../src/net/http1/response_head.ts";
import { connectionOf } from "../../helpers/doubles/fake_connection.ts";

test("a head: status, version and fields, whose values are bytes", () => {
  const head = parseResponseHead(
    "HTTP/1.0 206 Partial Content\r\nA: 1\r\nb:\t\xff \r\nA: 2\r\nEmpty:\r\n\r\n",
  );
  assert.deepEqual([head.status, head.minorVersion], [206, 0]);
  assert.deepEqual([...head.headers], [["a", "1, 2"], ["b", "\xff"], ["empty", ""]]);
});

test("cookies are not joined", () => {
  const { headers } = parseResponseHead("HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n");
  assert.deepEqual(headers.getSetCookie(), ["a=1", "b=2"]);
});

test("as lenient as curl: folded fields, line feeds alone, no reason phrase", () => {
  const { headers, status } = parseResponseHead("HTTP/1.1 200\nA: 1\n 2\n\t3\nB: 4\n\n");
  assert.equal(status, 200);
  assert.deepEqual([...headers], [["a", "1 2 3"], ["b", "4"]]);
});

test("as lenient as browsers: a blank before the colon, and names that are none", () => {
  const { headers } = parseResponseHead(
    "HTTP/1.1 200 OK\r\nA \t: 1\r\nB C: 2\r\n 3\r\n: 4\r\n\xe9: 5\r\nD: 6\r\n\r\n",
  );
  assert.deepEqual([...headers], [["a", "1"], ["d", "6"]]);
});

for (
  const text of [
    "",
    "rubbish\r\n\r\n",
    "HTTP/3 200\r\n\r\n",
    "HTTP/1.12 200\r\n\r\n",
    "HTTP/1.1 099 Low\r\n\r\n",
    "HTTP/1.1 2000\r\n\r\n",
    "HTTP/1.1 200 \x1b[2J\r\n\r\n",
    "HTTP/1.1 200 OK\r\n folded\r\n\r\n",
    "HTTP/1.1 200 OK\r\nA\r\n\r\n",
    "HTTP/1.1 200 OK\r\nA\x01: 1\r\n\r\n",
    "HTTP/1.1 200 OK\r\nA: \0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nA: 1\r2\r\n\r\n",
    "HTTP/1.1 200 OK\r\nA: 1\r\n \x07\r\n\r\n",
    `HTTP/1.1 200 OK\r\n${"A: 1\r\n".repeat(5001)}\r\n`,
  ]
) {
  test(`a head is refused: ${JSON.stringify(text.slice(0, 50))}`, () => {
    assert.throws(() => parseResponseHead(text), MalformedResponseError);
  });
}

const HEAD = "\r\nHTTP/1.1 103 Early Hints\r\nA: 1\r\n\r\nHTTP/1.1 200 OK\r\r\nB: 2\r\r\n\r\r\n";

for (const size of [1, 2, 3, 7, 50, 10_000]) {
  test(`a head comes in pieces of ${size}: interim ones are passed over, and the body stays`, async () => {
    const connection = new HttpConnection(connectionOf(`${HEAD}body`, size));
    const head = await readResponseHead(connection);
    assert.deepEqual([head?.status, [...head!.headers]], [200, [["b", "2"]]]);
    let body = "";
    for (let chunk = await connection.read(); chunk !== undefined; chunk = await connection.read()) {
      body += new TextDecoder().decode(chunk);
    }
    assert.equal(body, "body");
  });
}

test("a body of more than one slice stays after its head", async () => {
  const body = "x".repeat(20_000);
  const connection = new HttpConnection(connectionOf(`HTTP/1.1 200 OK\r\n\r\n${body}`, 1 << 20));
  await readResponseHead(connection);
  let length = 0;
  for (let chunk = await connection.read(); chunk !== undefined; chunk = await connection.read()) {
    length += chunk.length;
  }
  assert.equal(length, body.length);
});

test("no head at all is no malformed one; half of one is", async () => {
  assert.equal(await readResponseHead(new HttpConnection(connectionOf("", 1))), undefined);
  const half = new HttpConnection(connectionOf("HTTP/1.1 200 OK\r\nA: 1\r\n", 5));
  await assert.rejects(readResponseHead(half), MalformedResponseError);
});

for (
  const [what, text] of [
    ["another protocol", "SSH-2.0-OpenSSH\r\n"],
    ["a change of the protocol", "HTTP/1.1 101 Switching\r\n\r\n"],
    ["more than half a MiB", `HTTP/1.1 200 OK\r\nA: ${"a".repeat(2 ** 20)}`],
  ] as const
) {
  test(`${what} is refused before it ends`, async () => {
    const connection = new HttpConnection(connectionOf(text, 5000, false));
    await assert.rejects(readResponseHead(connection), MalformedResponseError);
  });
}
