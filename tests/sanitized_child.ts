// Tests with the sanitizers of Deno; run by leaks_test.ts with `deno test`.
import { closeAll, download } from "../mod.ts";

const { CASE: mode, TARGET: url = "", DIR: outputDir = "", PROXY: allProxy, CHECKSUM: checksum } = Deno.env
  .toObject();

for (const name of ["the first", "another"]) {
  Deno.test({
    name,
    sanitizeOps: true,
    sanitizeResources: true,
    sanitizeExit: true,
    async fn() {
      const way = allProxy === undefined ? {} : { allProxy };
      const spec = { ...way, url, outputDir, minSplitSize: 0, maxConnections: 3, rename: true };
      const handle = download({ ...spec, ...(checksum !== undefined && { checksum }) });
      if (mode === "cancelled") {
        for await (const { downloaded } of handle) if (downloaded > 0) handle.cancel();
      } else await handle.wait();
      if (mode !== "open") await closeAll();
    },
  });
}
