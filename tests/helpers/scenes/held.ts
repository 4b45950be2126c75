import type { DownloadHandle, DownloadSpec } from "../../../mod.ts";
import { until } from "../until.ts";

/** Slow enough that a download of some megabytes is not over before somebody looks. */
const BYTES_PER_SECOND = 4_000_000;

/** Begins a download and holds it once `bytes` have arrived, until its `maxDownloadSpeed` is set to 0. */
export async function holdAfter(
  bytes: number,
  begin: (spec: DownloadSpec) => DownloadHandle,
  spec: DownloadSpec,
): Promise<DownloadHandle> {
  const handle = begin({ ...spec, maxDownloadSpeed: BYTES_PER_SECOND });
  await until(() => handle.snapshot.downloaded >= bytes);
  handle.maxDownloadSpeed = 1;
  return handle;
}
