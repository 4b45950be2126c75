// One download whose data is counted and dropped. So the figures include neither a disk nor its cache.
//
// huge_child.ts URL OUTPUT SIZE
import { strictEqual } from "node:assert/strict";
import process from "node:process";
import { fileWith, queueOn, runtimeWith } from "../tests/helpers/doubles/runtime_double.ts";

const [url, outputPath, size] = process.argv.slice(2);
let written = 0;
const runtime = runtimeWith({
  // The file takes no space, so the check for free space must not run.
  files: { freeSpace: () => Promise.resolve(undefined) },
  file: (file, path) =>
    !path.endsWith(".part") ? file : fileWith(file, {
      write: (data) => {
        written += data.length;
        return Promise.resolve();
      },
    }),
});
const queue = queueOn(runtime);
// Preallocation sets the length of the file without data.
const handle = queue.add({ url: url!, outputPath: outputPath!, fileAllocation: "prealloc" });
const result = await handle.wait();
await queue.close();
strictEqual(result.size, Number(size));
strictEqual(written, Number(size));
