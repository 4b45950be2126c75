// Downloads with `download()`; run by leaks_test.ts.
import { join } from "node:path";
import process from "node:process";
import { setImmediate, setTimeout } from "node:timers/promises";
import { closeAll, download } from "../mod.ts";

const [mode = "", url = "", dir = "", proxy = ""] = process.argv.slice(2);

async function fetchTo(name: string): Promise<void> {
  const way = proxy === "" ? {} : { allProxy: proxy };
  await download({ url, outputPath: join(dir, name), minSplitSize: 0, maxConnections: 3, ...way }).wait();
}

async function resources(): Promise<string> {
  await setImmediate(); // Node lists a file until the turn after it was closed
  return process.getActiveResourcesInfo().toSorted().join();
}

if (mode === "exit") {
  await fetchTo("out");
} else {
  const before = await resources();
  for (const name of ["first", "second"]) {
    await fetchTo(name);
    await closeAll();
    const after = await resources();
    if (after !== before) throw new Error(`${name}: ${after} instead of ${before}`);
  }
  // deno-lint-ignore no-console
  console.log("closed");
  await setTimeout(60_000); // until the test ends it
}
