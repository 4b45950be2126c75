import assert from "node:assert/strict";
import { test } from "node:test";
import { findNetrcEntry, parseNetrc } from "../../src/options/netrc.ts";

test("parseNetrc() reads machines and the default, however the words are laid out", () => {
  const text = "machine a.test login me password pw\r\n" +
    "machine\n\tB.test\n\tpassword  pw2 account x login  you\ndefault login any password one";
  assert.deepEqual(parseNetrc(text), [
    { machine: "a.test", login: "me", password: "pw" },
    { machine: "b.test", login: "you", password: "pw2" },
    { machine: undefined, login: "any", password: "one" },
  ]);
});

test("parseNetrc() takes quoted words with escapes, as curl does", () => {
  const text = 'machine h login "two words" password "a\\"b\\\\c\\n\\t\\r\\d"';
  assert.deepEqual(parseNetrc(text), [{ machine: "h", login: "two words", password: 'a"b\\c\n\t\rd' }]);
  assert.deepEqual(parseNetrc('machine h login "" password "machine"'), [
    { machine: "h", login: "", password: "machine" },
  ]);
});

test("parseNetrc() takes words of its own for values where a value stands", () => {
  assert.equal(parseNetrc("machine h login password password login")[0]?.password, "login");
  assert.equal(parseNetrc("machine default login default")[0]?.machine, "default");
});

test("parseNetrc() skips comments and macros", () => {
  const text = "# machine no login no password no\n  # another\nmachine a login me password #pw\n" +
    "macdef init\nmachine no login no\ncd /pub\n\nmachine b login you password pw2\n";
  assert.deepEqual(parseNetrc(text).map(({ machine, password }) => [machine, password]), [
    ["a", "#pw"],
    ["b", "pw2"],
  ]);
});

test("parseNetrc() makes what it can of what is cut short or unknown", () => {
  assert.deepEqual(parseNetrc(""), []);
  assert.deepEqual(parseNetrc("login me password pw"), []);
  assert.deepEqual(parseNetrc("machine h port 80 login me password"), [
    { machine: "h", login: "me", password: "" },
  ]);
});

test("parseNetrc() names the line of a quotation mark that is not closed, and not what is in it", () => {
  assert.throws(() => parseNetrc('machine h\nlogin me password "hunter2\n'), (error: Error) => {
    assert.match(error.message, /line 2/);
    assert.doesNotMatch(error.message, /hunter2/);
    return error instanceof TypeError;
  });
});

test("findNetrcEntry() takes the first entry for a host, in any case and with brackets", () => {
  const entries = parseNetrc("machine a login 1 machine ::1 login 2 machine a login 3 default login 4");
  const login = (host: string) => findNetrcEntry(entries, host, true)?.login;
  assert.deepEqual(["a", "A", "a.", "[::1]", "sub.a", "b"].map(login), ["1", "1", "1", "2", "4", "4"]);
  assert.equal(findNetrcEntry(parseNetrc("machine a login 1"), "b", true), undefined);
});

test("findNetrcEntry() passes over a default that does not count, wherever it stands", () => {
  const entries = parseNetrc("default login 1 machine a login 2");
  assert.deepEqual([true, false].map((may) => findNetrcEntry(entries, "a", may)?.login), ["1", "2"]);
  assert.equal(findNetrcEntry(entries, "b", false), undefined);
});

test("parseNetrc() takes nothing for no entries, and refuses what is no text", () => {
  assert.deepEqual(parseNetrc(undefined), []);
  assert.throws(() => parseNetrc(7), /^TypeError: Cannot use netrc: expected the text of a netrc file$/);
});
