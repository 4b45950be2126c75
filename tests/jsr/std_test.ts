import { assertEquals } from "@std/assert";
import { test } from "node:test";
test("x", () => assertEquals(1, 1));
