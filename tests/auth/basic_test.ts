import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { basicCredentials, basicField } from "../../src/auth/basic.ts";
import { toCredentials } from "../../src/auth/credentials.ts";

const FIELDS: readonly (readonly [username: string, password: string, field: string])[] = [
  ["Aladdin", "open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="], // RFC 7617, section 2
  ["test", "123£", "Basic dGVzdDoxMjPCow=="], // RFC 7617, section 2.1
  ["me", "", "Basic bWU6"],
  ["", "", "Basic Og=="],
  ["me", "a:b", "Basic bWU6YTpi"],
  ["é", "🔑", `Basic ${Buffer.from("é:🔑").toString("base64")}`],
];

for (const [username, password, field] of FIELDS) {
  test(`"${username}" with "${password}" is ${field}, and is read back`, () => {
    const credentials = toCredentials(username, password);
    assert.equal(basicField(credentials), field);
    assert.deepEqual(basicCredentials(field), credentials);
  });
}

test("basicCredentials() takes any case of the scheme, several blanks and missing padding", () => {
  for (const field of ["basic Og==", "BASIC   Og", "Basic Og="]) {
    assert.deepEqual(basicCredentials(field), { username: "", password: "" }, field);
  }
});

test("basicCredentials() finds none in another scheme, without a colon, and in what is no base64", () => {
  for (
    const field of [
      "",
      "Basic",
      "Basic ",
      "Bearer Og==",
      "Basic bWU=",
      "Basic b",
      "Basic b-_6",
      "Basic Og== x",
    ]
  ) {
    assert.equal(basicCredentials(field), undefined, field);
  }
});
