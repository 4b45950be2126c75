import { DownloadError, type DownloadErrorCode } from "../errors.ts";
import { redact } from "../redact.ts";

/** One kind of failure: how the runtimes tell of it, and what it means. */
interface Kind {
  readonly code: DownloadErrorCode;
  readonly pattern: RegExp;
  readonly retryable: boolean;
  /** Where it is not that the host cannot be reached. */
  readonly what?: "Cannot use the response of";
  /** `word` is what the first group of the pattern caught. */
  readonly reason: (word: string) => string;
}

/** Deno puts all that it knows into the text of an error, Bun into its `code`. */
const KINDS: readonly Kind[] = [
  {
    code: "dns",
    pattern: /dns error|^ENOTFOUND$|^EAI_\w+$/,
    retryable: true,
    reason: () => "its name could not be looked up",
  },
  {
    code: "tls",
    pattern:
      /invalid peer certificate: (.*)$|^((?:CERT|UNABLE|ERR_TLS_CERT|DEPTH_ZERO|SELF_SIGNED|ERR_SSL_CERT)_\w+)$/s,
    retryable: false,
    reason: (word) => `its certificate cannot be trusted (${word})`,
  },
  {
    code: "tls",
    pattern:
      /received fatal alert: (\w+)|received corrupt message of type (\w+)|^(EPROTO|ERR_SSL_\w+|ERR_TLS_\w+)$/,
    retryable: false,
    reason: (word) => `TLS could not be set up (${word})`,
  },
  {
    code: "tls",
    pattern: /tls handshake (eof)/,
    retryable: true,
    reason: (word) => `TLS could not be set up (${word})`,
  },
  {
    code: "connect",
    pattern: /tcp connect error: ([^()]*)|^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|EADDRNOTAVAIL)$/,
    retryable: true,
    reason: (word) => `no connection (${word.trim()})`,
  },
  {
    code: "bad_response",
    pattern: /message head is too (large)|^(ResponseHeadersTooLarge)$/,
    retryable: false,
    what: "Cannot use the response of",
    reason: () => "its head has more or longer fields than this runtime takes",
  },
  {
    code: "bad_response",
    pattern: /invalid HTTP (?:header|status-code|version) parsed|^Malformed_HTTP_Response$/,
    retryable: false,
    what: "Cannot use the response of",
    reason: () => "its head is malformed, or has more fields than this runtime takes",
  },
];

/** What a fetch rejected with, as a `DownloadError` where it can be told what went wrong. */
export function explainFetchFailure(error: unknown, url: string, headers: Headers): unknown {
  return explainFailure(error, headers.get("host") ?? new URL(url).host);
}

/** What reaching a host failed with, as a `DownloadError` where it can be told what went wrong. */
export function explainFailure(error: unknown, host: string): unknown {
  if (!(error instanceof Error) || error.name === "AbortError") return error;
  // Trying again would not help, and asks again on a terminal.
  if (error.name === "NotCapable") {
    const reason = redact(error.message);
    return new DownloadError("network", `Cannot fetch the file: ${reason}`, { reason });
  }
  const words = tell(error);
  for (const { code, pattern, retryable, what = "Cannot reach", reason } of KINDS) {
    const found = pattern.exec(words);
    if (found === null) continue;
    const word = found.slice(1).find((group) => group !== undefined) ?? "";
    return new DownloadError(code, `${what} ${host}: ${reason(word)}`, { retryable });
  }
  return error;
}

function tell(error: Error): string {
  if ("code" in error && typeof error.code === "string") return error.code;
  const words = error.cause instanceof Error ? error.cause.message : error.message;
  // Before it stands the URL, whose query may be secret.
  return words.replace(/^.* client error \(\w+\): /s, "");
}
