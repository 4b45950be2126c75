import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { parseChallenges } from "../../src/auth/challenges.ts";
import { DigestLogin } from "../../src/auth/digest_auth.ts";

/** UTF-8, each byte as one character. */
const bytes = (text: string): string => Buffer.from(text).toString("latin1");

/** The parameters of an answer. */
function read(field: string | undefined): Record<string, string> {
  const [answer] = parseChallenges(field ?? null);
  assert.equal(answer?.scheme, "Digest");
  return Object.fromEntries(answer!.parameters);
}

/** What somebody answers to one challenge. */
function answer(
  challenge: string,
  { username = "Mufasa", password = "Circle of Life", uri = "/dir/index.html", cnonce = "c" } = {},
): Record<string, string> {
  const login = new DigestLogin({ username, password }, () => cnonce);
  assert.equal(login.takeUp(challenge, null), true, challenge);
  return read(login.fieldFor("GET", uri));
}

/** RFC 7616, section 3.9.1. */
const OF_RFC = 'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=ALGORITHM, ' +
  'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"';
const CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";

for (
  const [algorithm, response] of [
    ["MD5", "8ca523f5e9506fed4657c9700eebdbec"],
    ["SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"],
  ] as const
) {
  test(`129 the answer to the ${algorithm} challenge of RFC 7616 is the one that stands there`, () => {
    assert.deepEqual(answer(OF_RFC.replace("ALGORITHM", algorithm), { cnonce: CNONCE }), {
      ...{ username: "Mufasa", realm: "http-auth@example.org", uri: "/dir/index.html", algorithm },
      nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
      ...{ nc: "00000001", cnonce: CNONCE, qop: "auth", response },
      opaque: "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS",
    });
  });
}

test("129 the user's name is hashed where the challenge asks for it (RFC 7616, section 3.9.2, as corrected)", () => {
  const challenge = 'Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256, ' +
    'nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", ' +
    'opaque="HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS", charset=UTF-8, userhash=true';
  const { username, userhash, response } = answer(challenge, {
    ...{ username: bytes("Jäsøn Doe"), password: "Secret, or not?", uri: "/doe.json" },
    cnonce: "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
  });
  assert.deepEqual([username, userhash, response], [
    "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b",
    "true",
    "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5",
  ]);
});

/** RFC 2617, section 3.5. */
const OF_OLD_RFC =
  'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc"';
const OLD = { password: "Circle Of Life", cnonce: "0a4f113b" };

test("129 without an algorithm it is MD5, and without qop neither nc nor cnonce is sent", () => {
  assert.equal(answer(`${OF_OLD_RFC}, qop=auth`, OLD).response, "6629fae49393a05397450978507c4ef1");
  const { response, ...rest } = answer(OF_OLD_RFC, OLD);
  assert.equal(response, "670fd8c2df070c60b045671b8b24ff02");
  assert.deepEqual(Object.keys(rest), ["username", "realm", "nonce", "uri", "opaque"]);
});

const hash = (algorithm: string, text: string) => createHash(algorithm).update(text).digest("hex");

for (const [name, algorithm] of [["MD5-sess", "md5"], ["sha-256-SESS", "sha256"]] as const) {
  test(`129 ${name} hashes nonce and cnonce into the secret, with qop and without`, () => {
    const secret = hash(algorithm, `${hash(algorithm, "Mufasa:r:Circle of Life")}:n:c`);
    const request = hash(algorithm, "GET:/dir/index.html");
    const challenge = `Digest realm="r", nonce="n", algorithm=${name}`;
    const response = hash(algorithm, `${secret}:n:00000001:c:auth:${request}`);
    assert.equal(answer(`${challenge}, qop="auth"`).response, response);
    const { cnonce, ...old } = answer(challenge);
    assert.deepEqual([cnonce, old.response], ["c", hash(algorithm, `${secret}:n:${request}`)]);
  });
}

test("129 a server that wants the body protected gets that of a request without one", () => {
  const request = hash("md5", `GET:/dir/index.html:${hash("md5", "")}`);
  const { qop, response } = answer('Digest realm="r", nonce="n", qop="auth-int"');
  const secret = hash("md5", "Mufasa:r:Circle of Life");
  assert.deepEqual([qop, response], ["auth-int", hash("md5", `${secret}:n:00000001:c:auth-int:${request}`)]);
});

test("129 quotation marks and backslashes are quoted again, and bytes stay as they are", () => {
  const { realm, nonce, username } = answer('Digest realm="a \\"b\\" \\\\", nonce="\xe9"', {
    username: 'a"b\\',
  });
  assert.deepEqual([realm, nonce, username], ['a "b" \\', "\xe9", 'a"b\\']);
});

test("129 a name beyond ASCII is sent in UTF-8, encoded where the server says that it knows", () => {
  const username = bytes("Jäsøn Doe");
  assert.equal(answer('Digest realm="r", nonce="n"', { username }).username, username);
  const encoded = answer('Digest realm="r", nonce="n", charset=UTF-8', { username });
  assert.equal(encoded["username*"], "UTF-8''J%C3%A4s%C3%B8n%20Doe");
  assert.equal(encoded["username"], undefined);
});

const REFUSED: Readonly<Record<string, string>> = {
  "an unknown algorithm": 'Digest realm="r", nonce="n", algorithm=SHA-9',
  "an unknown quality": 'Digest realm="r", nonce="n", qop="magic"',
  "no nonce": 'Digest realm="r"',
  "another scheme": 'Basic realm="r"',
  "nothing": "",
};

for (const [what, challenge] of Object.entries(REFUSED)) {
  test(`129 a challenge with ${what} is not answered, and the next one that can be is`, () => {
    const login = () => new DigestLogin({ username: "u", password: "p" });
    assert.equal(login().takeUp(challenge, null), false);
    const other = login();
    assert.equal(other.takeUp(`${challenge}, Digest realm="good", nonce="n", Basic realm="x"`, null), true);
    assert.equal(read(other.fieldFor("GET", "/")).realm, "good");
  });
}

const challengeWith = (nonce: string, more = "") => `Digest realm="r", nonce="${nonce}", qop="auth"${more}`;

/** A login that has answered a challenge with the nonce `a`. */
function begun(): { login: DigestLogin; sent: string } {
  const login = new DigestLogin({ username: "u", password: "p" });
  assert.equal(login.fieldFor("GET", "/"), undefined);
  assert.ok(login.takeUp(challengeWith("a"), "Basic dTpw"));
  return { login, sent: login.fieldFor("GET", "/")! };
}

test("129 the count rises with each answer to one nonce, and begins again with the next", () => {
  const { login, sent } = begun();
  const next = () => read(login.fieldFor("GET", "/"));
  assert.deepEqual([next().nc, next().nc], ["00000002", "00000003"]);
  assert.ok(login.takeUp(challengeWith("b", ", stale=true"), sent));
  const { nc, nonce } = next();
  assert.deepEqual([nc, nonce], ["00000001", "b"]);
});

test("129 an answer that is refused is a wrong password, unless it was stale or the server took one before", () => {
  const { login, sent } = begun();
  assert.equal(login.takeUp(challengeWith("b"), sent), false);
  login.accept(sent, null);
  assert.equal(login.takeUp(challengeWith("b"), sent), true);
  const second = login.fieldFor("GET", "/")!;
  assert.equal(login.takeUp(challengeWith("c"), second), false);
  assert.equal(login.takeUp('Digest realm="another", nonce="d"', second), true);
});

test("129 a request that was refused with an older nonce than the latest is sent again with that", () => {
  const { login, sent } = begun();
  assert.ok(login.takeUp(challengeWith("b", ", stale=true"), sent));
  assert.ok(login.takeUp(challengeWith("c", ", stale=true"), sent));
  assert.equal(read(login.fieldFor("GET", "/")).nonce, "b");
});

test("129 a server names the next nonce with its answer", () => {
  const { login, sent } = begun();
  login.accept(sent, 'rspauth="x", nextnonce="next", qop=auth');
  const { nonce, nc } = read(login.fieldFor("GET", "/"));
  assert.deepEqual([nonce, nc], ["next", "00000001"]);
  login.accept(sent, 'nextnonce="of an older answer"');
  assert.equal(read(login.fieldFor("GET", "/")).nonce, "next");
});
