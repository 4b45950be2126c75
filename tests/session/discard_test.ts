import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { test } from "node:test";
import { Downloader, type DownloadSpec } from "../../mod.ts";
import { Interrupted, type InterruptedOptions } from "../helpers/interrupted.ts";
import { temporaryDirectory } from "../helpers/temp.ts";
import { until } from "../helpers/until.ts";

const CASES: readonly [string, InterruptedOptions, Partial<DownloadSpec>][] = [
  ["that begins anew because it was asked to", {}, { resume: false }],
  ["that begins anew because nothing tells versions apart", { etag: null, lastModified: null }, {}],
  ["that would go on", {}, {}],
];

for (const [what, left, spec] of CASES) {
  test(`a download ${what}, discarded before the server answers, leaves nothing`, async () => {
    await using dir = await temporaryDirectory();
    await using interrupted = await Interrupted.leave(dir, left);
    interrupted.respond = () => ({ never: true });
    await using downloader = new Downloader();
    const requests = interrupted.server.requests.length;
    const handle = downloader.download({ ...interrupted.spec, ...spec });
    await until(() => interrupted.server.requests.length > requests);
    handle.cancel({ discard: true });
    await rejects(handle.wait(), { code: "cancelled" });
    await handle.closed;
    deepStrictEqual(await dir.list(), []);
    interrupted.respond = () => undefined;
    strictEqual((await interrupted.resume()).resumedBytes, 0);
  });
}
