/**
 * An HTTP/1.1 server for tests of downloads. By default it is correct; a test sets faults for each request.
 * The file is a function of a seed, so that a file of any size takes no memory, and a test can check which
 * version was fetched.
 *
 * @example A download that must survive a reset and a late response
 * ```ts
 * import { mkdtemp } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { Downloader } from "@bytehaul/bytehaul";
 * import { assertFileIs, FaultServer } from "@bytehaul/bytehaul/testing";
 *
 * await using server = await FaultServer.start({
 *   size: 3_000_000,
 *   respond: ({ index }) => [{ resetAfter: 20_000 }, { delayMs: 50 }][index],
 * });
 * await using downloader = new Downloader({ defaults: { retryBaseDelayMs: 1 } });
 * const outputDir = await mkdtemp(join(tmpdir(), "example-"));
 * const { path } = await downloader.download({ url: server.url, outputDir }).wait();
 * await assertFileIs(path, server.version.seed, server.version.size);
 * ```
 *
 * @module
 */
export type { ByteRange } from "../src/types.ts";
export { assertFileIs, contentBytes, contentHash } from "./content.ts";
export { FaultServer } from "./fault_server.ts";
export type { FaultServerOptions, FileVersion, RecordedRequest, Reply, VersionChange } from "./types.ts";
