// Very many downloads in one process, of which nothing may be left: no descriptor, timer, thread, file or memory.
import { mkdir, readdir, readFile } from "node:fs/promises";
import { type AddressInfo, connect } from "node:net";
import { createServer, type Server } from "node:tls";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Certificate, makeCertificate } from "../helpers/sockets/certificate.ts";
import { Child } from "../helpers/child.ts";
import { contentHash } from "../../testing/content.ts";
import { FaultServer, type RecordedRequest, type Reply } from "../../testing/mod.ts";
import { temporaryDirectory } from "../helpers/temp.ts";
import { type Harness, type HarnessOptions, runHarness, type Verdict } from "./run_harness.ts";
import type { SoakOrders, SoakReport } from "./soak_child.ts";

const CHILD = fileURLToPath(new URL("soak_child.ts", import.meta.url));
const SEED = 19;
const SIZE = 1_300_000;
/** What a runtime's own caches may grow by after the warm-up. */
const MAX_HEAP_GROWTH = 8 * 2 ** 20;
/** Deno's allocator settles at some 200 MiB, after 1,000 downloads as after 4,000. */
const MAX_RESIDENT_GROWTH = 160 * 2 ** 20;
const MUST_END_WITHIN_MS = 3000;
const MS_PER_DOWNLOAD = 1000;

/** What the child asks for decides what it gets. */
function replyTo({ path, index, range }: RecordedRequest): Reply {
  if (path.endsWith("?again")) return {};
  switch (path.split("/")[1]) {
    case "without-ranges":
      return { status: 200 };
    case "breaks":
      return index % 2 === 0 ? { cutAfter: 40_000 } : {};
    case "breaks-always":
      return { cutAfter: 0 };
    case "missing":
      return { status: 404 };
    case "lies":
      return range?.start === 0 ? {} : { headers: { "Content-Range": `bytes 0-9/${SIZE}` } };
    case "changes":
      return range?.start === 0 ? {} : { seed: SEED + 1 };
    case "silent":
      return { silentAfter: 50_000 };
    case "never":
      return { never: true };
    case "slow":
      return { throttle: 1_000_000 };
    case "unavailable":
      return { status: 503, headers: { "Retry-After": "20" } };
    default:
      return {};
  }
}

/** Puts TLS before the server at `url`. */
async function startTls(url: string, { cert, key }: Certificate): Promise<Server> {
  const server = createServer({ cert: await readFile(cert), key: await readFile(key) }, (client) => {
    const plain = connect(Number(new URL(url).port), "127.0.0.1");
    client.on("error", () => {});
    plain.on("error", () => {});
    client.on("close", () => plain.destroy());
    plain.on("close", () => client.destroy());
    client.pipe(plain);
    plain.pipe(client);
  });
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

/** What of a report is not as it must be. */
function judge(report: SoakReport, n: number): string[] {
  const { states, descriptors, memory, workers, timers } = report;
  const failures: string[] = [];
  const expect = (holds: boolean, what: string) => void (holds || failures.push(`I7: ${what}`));
  const ends = Object.values(states).reduce((sum, count) => sum + count, 0);
  expect(ends >= n, `${ends} of ${n} downloads ended`);
  expect(
    Object.keys(states).every((state) => ENDS.includes(state)),
    `a state that is no end: ${Object.keys(states)}`,
  );
  const [before = [], after = []] = [descriptors?.before, descriptors?.after];
  expect(
    before.join() === after.join(),
    `descriptors: ${before.length} before, ${after.length} after: ${after}`,
  );
  expect(workers.started === workers.ended, `${workers.started - workers.ended} threads run`);
  expect(timers === 0, `${timers} timers`);
  const heap = memory.after.heap - memory.before.heap;
  const resident = memory.after.resident - memory.before.resident;
  expect(heap < MAX_HEAP_GROWTH, `the heap grew by ${heap} bytes`);
  expect(resident < MAX_RESIDENT_GROWTH, `the process grew by ${resident} bytes`);
  return failures;
}

const ENDS = ["completed", "failed", "cancelled", "paused"];

/** Names that belong to no finished and to no resumable download. */
async function strangers(directory: string): Promise<string[]> {
  const left = new Set(await readdir(directory));
  return [...left].filter((name) => {
    const [, base = "", suffix = ""] = /^([^.]+\.bin)(.*)$/.exec(name) ?? [];
    if (suffix === "" && base !== "") return false;
    return ![".part", ".bytehaul"].includes(suffix) || !left.has(`${base}.part`) ||
      !left.has(`${base}.bytehaul`);
  });
}

async function soakOnce({ seed, n }: HarnessOptions): Promise<{ report: SoakReport; failures: string[] }> {
  await using dir = await temporaryDirectory();
  await mkdir(dir.join("out"));
  // No connection outlives its request, so that one that is open belongs to a request that was forgotten.
  let openAtEnd = NaN;
  const respond = (request: RecordedRequest): Reply => {
    if (request.path === "/census") openAtEnd = server.openConnections - 1;
    const reply = replyTo(request);
    return { ...reply, headers: { ...reply.headers, Connection: "close" } };
  };
  const maxLifetimeMs = 60_000 + n * MS_PER_DOWNLOAD;
  await using server = await FaultServer.start({ size: SIZE, seed: SEED, respond, maxLifetimeMs });
  const certificate = await makeCertificate(dir.path).catch(() => undefined);
  const tls = certificate && await startTls(server.url, certificate);
  try {
    const orders: SoakOrders = {
      origin: new URL(server.url).origin,
      secure: certificate && {
        origin: `https://127.0.0.1:${(tls?.address() as AddressInfo).port}`,
        caCert: certificate.caCert,
      },
      directory: dir.join("out"),
      checksum: `sha256:${contentHash(SEED, SIZE, "sha256")}`,
      seed,
      n,
    };
    await using child = new Child(CHILD, [JSON.stringify(orders)], { maxLifetimeMs });
    while (!child.isOver && !child.stdout.endsWith("}")) await sleep(20);
    const saidMs = performance.now();
    const { status, stdout, stderr } = await child.ended;
    const tookMs = performance.now() - saidMs;
    if (status !== 0 || stderr !== "") {
      throw new Error(`the child ended with ${status}: ${stderr.slice(0, 2000)}`);
    }
    const report = JSON.parse(stdout) as SoakReport;
    const failures = judge(report, n);
    if (tookMs > MUST_END_WITHIN_MS) failures.push(`I7: the process took ${tookMs.toFixed(0)} ms to end`);
    if (openAtEnd !== 0) failures.push(`I7: ${openAtEnd} connections are open`);
    const left = await strangers(dir.join("out"));
    if (left.length > 0) failures.push(`I7: files were left: ${left.join(", ")}`);
    return { report, failures };
  } finally {
    tls?.close();
  }
}

/** `rel:soak`: many downloads in one process, and what they leave. */
export const soak: Harness = {
  name: "rel:soak",
  n: 150,
  async run(options: HarnessOptions): Promise<Verdict> {
    const { report, failures } = await soakOnce(options);
    const { states, descriptors, memory, workers } = report;
    const grown = (of: "heap" | "resident") =>
      `${(memory.before[of] / 2 ** 20).toFixed(1)} → ${(memory.after[of] / 2 ** 20).toFixed(1)} MiB`;
    const ends = Object.entries(states).map(([state, count]) => `${state} ${count}`).sort().join(", ");
    return {
      figures: `${ends}; descriptors ${descriptors?.before.length} → ${descriptors?.after.length}, ` +
        `threads ${workers.started - workers.ended}, timers ${report.timers}, heap ${
          grown("heap")
        }, resident ${grown("resident")}`,
      failures,
    };
  },
};

if (import.meta.main) await runHarness(soak);
