// Downloads in a worker that is terminated, and then here; run by leaks_test.ts.
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { setTimeout } from "node:timers/promises";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { closeAll, download } from "../mod.ts";

interface Task {
  readonly url: string;
  readonly outputPath: string;
  readonly checksum: string;
}

if (isMainThread) {
  const [url = "", dir = "", name = "", checksum = ""] = process.argv.slice(2);
  const task: Task = { url, outputPath: join(dir, "out"), checksum };
  const worker = new Worker(new URL(import.meta.url), { workerData: task });
  await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
  await worker.terminate();
  // deno-lint-ignore no-console
  console.log("terminated");
  while (!existsSync(join(dir, "continue"))) await setTimeout(10);
  await download({ ...task, outputPath: join(dir, name) }).wait();
  await closeAll();
} else {
  const handle = download({ ...workerData as Task, headers: { "X-Slow": "yes" } });
  for await (const { downloaded } of handle) if (downloaded > 0) parentPort?.postMessage("started");
}
