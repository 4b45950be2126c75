import assert from "node:assert/strict";
import { test } from "node:test";
import { closestWord } from "../../src/lib/closest_word.ts";

const WORDS = ["connections", "connect-timeout", "retries", "json"];

test("closestWord() finds the word that was meant", () => {
  assert.equal(closestWord("conections", WORDS), "connections");
  assert.equal(closestWord("retrys", WORDS), "retries");
  assert.equal(closestWord("jsno", WORDS), "json");
  assert.equal(closestWord("jnos", WORDS), undefined);
  assert.equal(closestWord("jsn", WORDS), "json");
  assert.equal(closestWord("conect-timeout", WORDS), "connect-timeout");
});

test("closestWord() finds nothing where nothing is near", () => {
  assert.equal(closestWord("banana", WORDS), undefined);
});
