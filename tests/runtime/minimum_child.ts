// Uses the library on a runtime that may be too old, and prints what each call throws.
import process from "node:process";
import { download, Downloader, verify } from "../../mod.ts";

const [url = "", outputDir = ""] = process.argv.slice(2);
const calls: readonly (() => unknown)[] = [
  () => new Downloader({ httpProxy: "http://127.0.0.1:9" }),
  () => download({ url, outputDir }).wait(),
  () => verify(outputDir),
];
const thrown: string[] = [];
for (const call of calls) {
  try {
    await call();
  } catch (error) {
    thrown.push(String(error));
  }
}
process.stdout.write(JSON.stringify(thrown));
