/** Scenarios in which the server or the network is at fault. */
import { gzipSync } from "node:zlib";
import { contentBytes } from "../testing/content.ts";
import { ExpiringServer } from "../tests/helpers/sockets/expiring_server.ts";
import type { Reply } from "../testing/mod.ts";
import { judge, runTool } from "./reliability_run.ts";
import { NEW, OLD, type Scenario, SIZE, Stage } from "./reliability_stage.ts";

const SHORT_BYTES = 300_000;
const LOGIN_PAGE: Reply = {
  status: 200,
  body: "<html><title>Please log in</title></html>",
  headers: { "Content-Type": "text/html", "Accept-Ranges": undefined },
  etag: null,
  lastModified: null,
};

/** The first run is interrupted half-way. The second run meets `fault`. */
function onResume(name: string, fault: Stage["respond"], ...seeds: number[]): Scenario {
  return {
    name,
    run: async (tool, dir) => {
      await using stage = await Stage.open(tool, dir);
      await stage.interrupt();
      stage.respond = fault;
      return await stage.finish(...(seeds.length > 0 ? seeds : [OLD]));
    },
  };
}

/** The first three requests meet `fault`, later ones a correct server. */
function atFirst(name: string, fault: Reply): Scenario {
  return {
    name,
    run: async (tool, dir) => {
      if (fault.chunked && tool.isHttp10) return { kind: "none", note: "speaks HTTP/1.0" };
      await using stage = await Stage.open(tool, dir, ({ index }) => index < 3 ? fault : undefined);
      return await stage.finish(OLD);
    },
  };
}

/** The file is replaced by one of the same size before the second run. */
function replaced(name: string, version: Reply): Scenario {
  return {
    name,
    run: async (tool, dir) => {
      await using stage = await Stage.open(tool, dir, () => ({ throttle: 1_000_000, ...version }));
      await stage.interrupt();
      stage.server.set({ seed: NEW });
      stage.respond = () => version;
      return await stage.finish(NEW);
    },
  };
}

export const SERVER_SCENARIOS: readonly Scenario[] = [
  replaced("file replaced between two runs, same size", {}),
  replaced("the same, and the server sends no ETag and no date", { etag: null, lastModified: null }),
  {
    name: "file replaced during the run, connections break",
    run: async (tool, dir) => {
      await using stage = await Stage.open(
        tool,
        dir,
        ({ index }) => index < 3 ? { throttle: 1_000_000, resetAfter: 500_000, seed: OLD } : { seed: NEW },
      );
      return await stage.finish(OLD, NEW);
    },
  },
  onResume(
    "206 that starts 1000 bytes late",
    ({ range }) =>
      range === undefined || range.start === 0
        ? undefined
        : { range: { start: Math.min(range.start + 1000, SIZE - 1), end: SIZE } },
  ),
  onResume(
    "206 shorter than asked",
    ({ range }) =>
      range && { range: { start: range.start, end: Math.min(range.start + SHORT_BYTES, range.end) } },
  ),
  onResume("200 to the request of a later run", () => ({ status: 200 })),
  onResume("login page with status 200 in a later run", () => LOGIN_PAGE),
  atFirst("chunked body cut off, then well", { chunked: true, bodyLength: SHORT_BYTES, chunkedEnd: "cut" }),
  atFirst("chunked body short but well ended, then well", { chunked: true, bodyLength: SHORT_BYTES }),
  atFirst("body shorter than Content-Length, then well", { cutAfter: SHORT_BYTES }),
  atFirst("connection reset in the body, then well", { resetAfter: SHORT_BYTES }),
  atFirst("body goes silent, then well", { silentAfter: SHORT_BYTES }),
  atFirst("503 at first, then well", { status: 503, headers: { "Retry-After": "1" } }),
  {
    name: "gzip although the file itself was requested",
    run: async (tool, dir) => {
      const body = gzipSync(contentBytes(OLD, 0, SIZE));
      await using stage = await Stage.open(tool, dir, () => ({
        status: 200,
        body,
        headers: { "Content-Encoding": "gzip", "Accept-Ranges": undefined },
      }));
      return await stage.finish(OLD);
    },
  },
  {
    name: "signed URL expires half-way",
    run: async (tool, dir) => {
      await using server = await ExpiringServer.start({
        size: SIZE,
        seed: OLD,
        status: 403,
        isOver: ({ issuedAtMs }) => performance.now() - issuedAtMs > 1000,
        // Resets the first three responses after the URL has expired.
        serve: ({ index }) => index < 3 ? { throttle: 300_000, resetAfter: 450_000 } : undefined,
      });
      const job = { url: server.url.replace("file.bin", "out.bin"), dir };
      return await judge(await runTool(tool, job), `${dir}/out.bin`, [OLD], SIZE);
    },
  },
];
