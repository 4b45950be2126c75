import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import {
  COMMAND_DEFAULTS,
  DOWNLOADER_DEFAULTS,
  DOWNLOADER_RANGES,
  SPEC_DEFAULTS,
  SPEC_RANGES,
  TLS_DEFAULTS,
} from "../../src/options/defaults.ts";

/** The table of each type, or part of one, that has options. */
const TABLES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  DownloadSpec: SPEC_DEFAULTS,
  RequestOptions: SPEC_DEFAULTS,
  DownloaderOptions: DOWNLOADER_DEFAULTS,
  NetworkOptions: DOWNLOADER_DEFAULTS,
  ProxyOptions: DOWNLOADER_DEFAULTS,
  TlsOptions: TLS_DEFAULTS,
};

interface Documented {
  readonly type: string;
  readonly option: string;
  /** What stands behind `@default`. */
  readonly shown: string | undefined;
}

/** Every option of the types that a file exports, with the default in its doc comment. */
async function documented(name: string): Promise<Documented[]> {
  const source = await readFile(new URL(`../../src/options/${name}`, import.meta.url), "utf8");
  const types = [...source.matchAll(/^export interface (\w+)[^{]*\{\n([\s\S]*?)^\}/gm)];
  return types.flatMap(([, type = "", body = ""]) =>
    [...body.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*readonly (\w+)\??:/g)].map((
      [, doc = "", option = ""],
    ) => ({
      type,
      option,
      shown: /@default \{(.*)\}$/m.exec(doc)?.[1],
    }))
  );
}

const FILES = ["options.ts", "request_options.ts", "network_options.ts"];

test("every @default of a doc comment is the one in the table, and every default is in a doc comment", async () => {
  const all = (await Promise.all(FILES.map(documented))).flat();
  const options = all.filter(({ type }) => type in TABLES);
  assert.deepEqual(Object.keys(TABLES).filter((type) => !options.some((it) => it.type === type)), []);
  for (const { type, option, shown } of options) {
    const value = TABLES[type]?.[option];
    const wanted = typeof value === "string"
      ? JSON.stringify(value)
      : value === undefined
      ? value
      : `${value}`;
    assert.equal(shown, wanted, `${type}.${option}`);
  }
  const names = (...types: string[]) =>
    options.filter(({ type, shown }) => types.includes(type) && shown !== undefined).map(({ option }) =>
      option
    );
  assert.deepEqual(names("DownloadSpec", "RequestOptions").sort(), Object.keys(SPEC_DEFAULTS).sort());
  assert.deepEqual(
    names("DownloaderOptions", "NetworkOptions").sort(),
    Object.keys(DOWNLOADER_DEFAULTS).sort(),
  );
  assert.deepEqual(names("TlsOptions"), Object.keys(TLS_DEFAULTS));
});

test("every default that is a number is in its range", () => {
  for (
    const [defaults, ranges] of [[SPEC_DEFAULTS, SPEC_RANGES], [
      DOWNLOADER_DEFAULTS,
      DOWNLOADER_RANGES,
    ]] as const
  ) {
    const numbers = Object.entries(defaults).filter(([, value]) => typeof value === "number");
    assert.deepEqual(numbers.map(([name]) => name).sort(), Object.keys(ranges).sort());
    for (const [name, { min, max }] of Object.entries(ranges)) {
      const value = Number(new Map<string, unknown>(numbers).get(name));
      assert.ok(value >= min && value <= max, name);
    }
  }
});

test("the command differs from the library in -x alone", () => {
  assert.deepEqual(COMMAND_DEFAULTS, { maxConnections: "auto" });
});
