// Begins a download and keeps nothing of it; run by concurrency_test.ts.
import { setInterval } from "node:timers";
import { download } from "../../mod.ts";

const [url = "", outputPath = ""] = process.argv.slice(2);
download({ url, outputPath, maxConnections: 3, minSplitSize: 0, retryBaseDelayMs: 1 });

const { Bun, gc } = globalThis as unknown as { Bun?: { gc(force: boolean): void }; gc?: () => void };
const collecting = setInterval(() => Bun === undefined ? gc?.() : Bun.gc(true), 10);
collecting.unref();
