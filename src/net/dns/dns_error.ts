import { DownloadError } from "../../errors.ts";

/** The error for a host whose address was not found. */
export function dnsError(
  name: string,
  problem: string,
  options: { readonly retryable: boolean; readonly cause?: unknown },
): DownloadError {
  const reason = `its address was not found (${problem})`;
  return new DownloadError("dns", `Cannot find the address of ${name}: ${problem}`, { ...options, reason });
}
