/**
 * What every server that is not ours must give: the files that curl gets from it, with as few requests as it lets us.
 *
 * @module
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { RealServer } from "../helpers/servers/real_server.ts";
import { Visit } from "../helpers/scenes/visit.ts";

const MIB = 2 ** 20;
/** Of a file that takes several requests. */
export const LARGE = 6 * MIB + 12_345;
const TIMEOUT_MS = 30_000;
const CONNECTIONS = 4;

/** A server, and what is peculiar about it. */
export interface Subject<Server extends RealServer> {
  readonly name: string;
  /** Why it cannot be started, if it cannot. */
  readonly skip: string | false;
  start(): Promise<Server>;
  /**
   * Names of the tests whose case the server answers in a way of its own, beginning with the number of that way in
   * the list of faults.
   */
  readonly titles?: Partial<Readonly<Record<Case, string>>>;
  /** The most requests for a case; those of a server that answers as most do otherwise. */
  readonly requests?: Partial<Readonly<Record<"empty" | "small" | "mebibyte", number>>>;
  /** What only this server is tested for. */
  readonly more?: (server: () => Server) => void;
}

/** What each server is tested for. */
export type Case = "empty" | "small" | "mebibyte" | "large" | "resumed" | "changed";

/** Tests a server. */
export function testServer<Server extends RealServer>(subject: Subject<Server>): void {
  const { name, skip, titles = {}, requests = {} } = subject;
  let server: Server | undefined;
  const running = (): Server => {
    if (server === undefined) throw new Error(`Cannot visit ${name}: it was not started`);
    return server;
  };
  const visit = (title: string, run: (visit: Visit) => Promise<void>): void =>
    void test(title, { timeout: TIMEOUT_MS }, async () => {
      await using visit = await Visit.open(running());
      await run(visit);
    });
  const small = (which: "empty" | "small" | "mebibyte", size: number, title: string, most: number): void =>
    visit(titles[which] ?? title, async (visit) => {
      await running().put(`${which}.bin`, size, size);
      await visit.fetch(`${which}.bin`, size, size);
      const count = visit.requests.length;
      const allowed = requests[which] ?? most;
      assert.ok(
        count <= allowed,
        `${count} requests: ${visit.requests.map(({ range }) => range).join(", ")}`,
      );
    });

  describe(name, { skip }, () => {
    before(async () => {
      server = await subject.start();
    });
    after(() => server?.[Symbol.asyncDispose]());

    small("empty", 0, "an empty file, with two requests at most", 2);
    small("small", 12, "a small file, with one request", 1);
    small("mebibyte", MIB, "exactly 1 MiB, with two requests at most", 2);

    visit(titles.large ?? `a large file over ${CONNECTIONS} connections`, async (visit) => {
      await running().put("large.bin", 1, LARGE);
      visit.tap.allow(MIB);
      await visit.fetch("large.bin", 1, LARGE, { maxConnections: CONNECTIONS }, async () => {
        await visit.tap.connected(CONNECTIONS);
        visit.tap.release();
      });
    });

    visit(titles.resumed ?? "interrupted and resumed: what came stays", async (visit) => {
      await running().put("resumed.bin", 2, LARGE);
      const saved = await visit.leave("resumed.bin", 3 * MIB);
      await visit.resume("resumed.bin", 2, LARGE, saved);
    });

    visit(titles.changed ?? "interrupted, changed and fetched anew: nothing is mixed", async (visit) => {
      await running().put("changed.bin", 3, LARGE);
      await visit.leave("changed.bin", 3 * MIB);
      await running().put("changed.bin", 4, LARGE, { modified: new Date("2021-01-01T00:00:00Z") });
      await visit.fetch("changed.bin", 4, LARGE);
    });

    subject.more?.(running);
  });
}

/** Declares a test of what is peculiar about a server. */
export function testVisit<Server extends RealServer>(
  title: string,
  server: () => Server,
  run: (visit: Visit, server: Server) => Promise<void>,
): void {
  void test(title, { timeout: TIMEOUT_MS }, async () => {
    await using visit = await Visit.open(server());
    await run(visit, server());
  });
}
