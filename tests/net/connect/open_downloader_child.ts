import process from "node:process";
import { join } from "node:path";
import { readFile } from "node:fs/promises";
import { Downloader } from "../../../mod.ts";

// Downloads over a connection of our own, and ends without closing the downloader.
const [url = "", dir = "", ca = ""] = process.argv.slice(2);
const { host } = new URL(url);
const downloader = new Downloader({
  resolve: { [host]: "127.0.0.1" },
  ...(ca !== "" && { tls: { ca: await readFile(ca, "utf8") } }),
});
await downloader.download({ url, outputPath: join(dir, "out", "child") }).wait();
