import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import {
  decodeAnswer,
  DnsMessageError,
  type DnsMessageFault,
  type DnsQuestion,
  encodeQuestion,
  isAnswerTo,
} from "../../../src/net/dns/dns_message.ts";
import { seededRandom } from "../../../testing/content.ts";
import { answerTo, type DnsReply } from "../../helpers/doubles/dns_answer.ts";

const QUESTION: DnsQuestion = { id: 0x1234, name: "www.example.com", type: "A" };
const ASKED = encodeQuestion(QUESTION);
const NAME = "www.example.com";
const A = 1;
const CNAME = 5;
const AAAA = 28;

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replace(/\s/g, ""), "hex"));

test("encodeQuestion() writes header, question and EDNS as RFC 1035 and RFC 6891 say", () => {
  const wanted = bytesOf(`1234 0100 0001 0000 0000 0001
    03 777777 07 6578616d706c65 03 636f6d 00 0001 0001
    00 0029 04d0 00 00 0000 0000`);
  assert.equal(hex(ASKED), hex(wanted));
  const forIpv6 = encodeQuestion({ id: 0, name: "a.", type: "AAAA" });
  assert.equal(hex(forIpv6.subarray(0, 19)), "000001000001000000000001" + "016100" + "001c0001");
});

const LONGEST = `${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(61)}`;

test("encodeQuestion() takes the longest label and the longest name", () => {
  assert.equal(encodeQuestion({ ...QUESTION, name: LONGEST }).length, 12 + 255 + 4 + 11);
});

for (
  const name of ["", ".", "a..b", ".a", "a..", "a".repeat(64), `${LONGEST}x`, "a b", "bücher.de", "a\0b"]
) {
  test(`encodeQuestion() refuses the name ${JSON.stringify(name).slice(0, 20)}`, () => {
    assert.throws(() => encodeQuestion({ ...QUESTION, name }), {
      name: "DnsMessageError",
      fault: "bad name",
    });
  });
}

/** The addresses, with the seconds that they live. */
function read(reply: DnsReply, question = QUESTION): string[] {
  const message = answerTo(encodeQuestion(question), reply);
  return decodeAnswer(question, message).addresses.map(({ address, ttlSeconds }) =>
    `${address} ${ttlSeconds}`
  );
}

test("decodeAnswer() reads addresses of the type that was asked for", () => {
  const records = [
    { owner: NAME, type: A, ttl: 60, data: [192, 0, 2, 1] },
    { owner: NAME, type: AAAA, ttl: 60, data: [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1] },
    { owner: "WWW.Example.COM", type: A, ttl: 90, data: [192, 0, 2, 2] },
    { owner: "other.example.com", type: A, data: [192, 0, 2, 3] },
    { owner: NAME, type: A, class: 3, data: [192, 0, 2, 4] },
    { owner: NAME, type: 16, data: [3, 1, 2, 3] },
  ];
  assert.deepEqual(read({ records }), ["192.0.2.1 60", "192.0.2.2 90"]);
  assert.deepEqual(read({ records }, { ...QUESTION, type: "AAAA" }), ["2001:db8::1 60"]);
});

test("decodeAnswer() follows aliases in any order, and takes the shortest life on the way", () => {
  const records = [
    { owner: "c.test", type: A, ttl: 100, data: [192, 0, 2, 9] },
    { owner: "b.test", type: CNAME, ttl: 20, data: "C.test" },
    { owner: NAME, type: CNAME, ttl: 50, data: "b.test" },
    { owner: NAME, type: A, ttl: 9, data: [192, 0, 2, 8] },
  ];
  assert.deepEqual(read({ records }), ["192.0.2.9 20"]);
});

test("decodeAnswer() says that a name exists without addresses, and that one does not exist", () => {
  assert.deepEqual(read({}), []);
  const missing = decodeAnswer(QUESTION, answerTo(ASKED, { rcode: 3 }));
  assert.deepEqual(missing, { rcode: 3, isTruncated: false, addresses: [] });
});

test("decodeAnswer() takes nothing from a truncated answer", () => {
  const message = answerTo(ASKED, { flags: 0x8380, answers: 3, records: [] });
  assert.deepEqual(decodeAnswer(QUESTION, message), { rcode: 0, isTruncated: true, addresses: [] });
});

test("decodeAnswer() reads a failure that comes without the question", () => {
  const message = answerTo(ASKED, { rcode: 1, questions: 0 });
  assert.equal(decodeAnswer(QUESTION, message).rcode, 1);
  assert.equal(isAnswerTo(QUESTION, message), true);
});

test("decodeAnswer() counts a time to live with its highest bit set as 0", () => {
  const record = { owner: NAME, type: A, data: [192, 0, 2, 1] };
  assert.deepEqual(read({ records: [{ ...record, ttl: 0x80000000 }] }), ["192.0.2.1 0"]);
  assert.deepEqual(read({ records: [{ ...record, ttl: 0x7fffffff }] }), ["192.0.2.1 2147483647"]);
});

test("decodeAnswer() reads compressed names", () => {
  // The owner points to the question, the alias ends in a pointer, and the next owner points into the alias.
  const records = "c00c 0005 0001 00000010 0004 01 62 c010  c02d 0001 0001 00000020 0004 c0000205";
  const message = bytesOf(`1234 8180 0001 0002 0000 0000 ${hex(ASKED.subarray(12, 33))} ${records}`);
  assert.deepEqual(decodeAnswer(QUESTION, message).addresses, [{ address: "192.0.2.5", ttlSeconds: 16 }]);
});

const HEAD = `1234 8180 0001 0001 0000 0000 ${hex(ASKED.subarray(12, 33))}`;
const HOSTILE: Readonly<Record<string, readonly [DnsMessageFault, Uint8Array]>> = {
  "an empty message": ["cut short", new Uint8Array()],
  "a header that is cut": ["cut short", ASKED.subarray(0, 11)],
  "a question for an answer": ["not a response", ASKED],
  "another operation": ["not a response", answerTo(ASKED, { flags: 0xa980 })],
  "another id": ["another id", answerTo(ASKED, { id: 0x1235 })],
  "another name": ["another question", answerTo(ASKED, { name: "www.example.org" })],
  "another type": ["another question", answerTo(ASKED, { type: AAAA })],
  "a dot within a label": [
    "another question",
    bytesOf(`1234 8180 0001 0000 0000 0000 0b 7777772e6578616d706c65 03 636f6d 00 0001 0001`),
  ],
  "no question at all": ["another question", answerTo(ASKED, { questions: 0 })],
  "two questions": ["another question", answerTo(ASKED, { questions: 2 })],
  "fewer records than it says": ["cut short", answerTo(ASKED, { answers: 1 })],
  "65535 records that are not there": ["cut short", answerTo(ASKED, { answers: 65535 })],
  "data that is cut": ["cut short", bytesOf(`${HEAD} c00c 0001 0001 00000001 0004 c00002`)],
  "data of a length beyond the end": ["cut short", bytesOf(`${HEAD} c00c 0010 0001 00000001 ffff 00`)],
  "an address of 3 bytes": [
    "bad record",
    answerTo(ASKED, { records: [{ owner: NAME, type: A, data: [1, 2, 3] }] }),
  ],
  "an alias that is shorter than its data": [
    "bad record",
    answerTo(ASKED, { records: [{ owner: NAME, type: CNAME, data: [1, 97, 0, 0] }] }),
  ],
  "an alias that is longer than its data": [
    "bad record",
    bytesOf(`${HEAD} c00c 0005 0001 00000001 0002 01 61 00`),
  ],
  "a name that points to itself": ["bad compression", bytesOf(`${HEAD} c021`)],
  "a name that points forward": ["bad compression", bytesOf(`${HEAD} c023 00`)],
  "two names that point to each other": ["bad compression", bytesOf(`${HEAD} 01 61 c021`)],
  "a pointer that is cut": ["cut short", bytesOf(`${HEAD} c0`)],
  "a kind of label that does not exist": ["bad name", bytesOf(`${HEAD} 41 61 00`)],
  "a name that is too long": [
    "bad name",
    answerTo(ASKED, { records: [{ owner: `${LONGEST}x`, type: A, data: [1, 2, 3, 4] }] }),
  ],
  "an alias of itself": [
    "alias loop",
    answerTo(ASKED, { records: [{ owner: NAME, type: CNAME, data: NAME }] }),
  ],
  "aliases of each other": [
    "alias loop",
    answerTo(ASKED, {
      records: [{ owner: NAME, type: CNAME, data: "b.test" }, { owner: "b.test", type: CNAME, data: NAME }],
    }),
  ],
  "a message beyond 64 KiB": ["too long", new Uint8Array(65_536)],
};

for (const [what, [fault, message]] of Object.entries(HOSTILE)) {
  test(`decodeAnswer() refuses ${what}`, () => {
    assert.throws(() => decodeAnswer(QUESTION, message), { name: "DnsMessageError", fault });
  });
}

test("isAnswerTo() looks at header and question only", () => {
  const accepted = Object.entries(HOSTILE).filter(([, [, message]]) => isAnswerTo(QUESTION, message));
  const [first, last] = [accepted[0]?.[0], accepted.at(-1)?.[0]];
  assert.deepEqual([first, last, accepted.length], [
    "fewer records than it says",
    "aliases of each other",
    15,
  ]);
});

test("decodeAnswer() returns or says why not, whatever bytes it is given", () => {
  const random = seededRandom(1035);
  const pick = (below: number): number => Math.floor(random() * below);
  const whole = answerTo(ASKED, {
    records: [
      { owner: NAME, type: CNAME, data: "b.test" },
      { owner: "b.test", type: CNAME, data: "c.test" },
      { owner: "c.test", type: A, data: [192, 0, 2, 1] },
    ],
  });
  const faults = new Set<string>();
  let successes = 0;
  for (let round = 0; round < 40_000; round++) {
    const message = whole.slice(0, random() < 0.2 ? pick(whole.length) : whole.length);
    const changes = 1 + pick(4);
    for (let change = 0; change < changes && message.length > 0; change++) {
      message[pick(message.length)] = random() < 0.5 ? 0xc0 | pick(4) : pick(256);
    }
    try {
      const { addresses } = decodeAnswer(QUESTION, message);
      assert.ok(addresses.length <= 3, `${addresses.length} addresses`);
      successes++;
    } catch (error) {
      assert.ok(error instanceof DnsMessageError, String(error));
      faults.add(error.fault);
    }
  }
  assert.ok(successes > 1000, `${successes} successes`);
  for (const fault of ["cut short", "bad compression", "bad name", "another question", "another id"]) {
    assert.ok(faults.has(fault), fault);
  }
});

test("decodeAnswer() is quick about 64 KiB of pointers", () => {
  // Each record's name points to the one before it: as many hops as fit.
  const head = [...bytesOf("1234 8180 0001 ffff 0000 0000"), ...ASKED.subarray(12, 33)];
  const message = new Uint8Array(65_535);
  message.set(head);
  let previous = 12;
  for (let at = head.length; at + 12 <= message.length; at += 12) {
    message.set([0xc0 | previous >> 8 & 0x3f, previous & 0xff, 0, 16, 0, 1, 0, 0, 0, 0, 0, 0], at);
    if (at < 0x3fff) previous = at;
  }
  const startedMs = performance.now();
  assert.throws(() => decodeAnswer(QUESTION, message), DnsMessageError);
  const tookMs = performance.now() - startedMs;
  assert.ok(tookMs < 2000, `${tookMs} ms`);
});
