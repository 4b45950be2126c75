import { DownloadError, type DownloadErrorCode } from "../errors.ts";
import { redact } from "../redact.ts";
import { errorCode } from "../lib/error_code.ts";

/** One kind of failure: how the runtimes report it, and its meaning. */
interface Kind {
  readonly code: DownloadErrorCode;
  readonly pattern: RegExp;
  readonly retryable: boolean;
  /** Start of the message, if it is not "Cannot reach". */
  readonly what?: "Cannot use the response of";
  /** `word` is what the first group of the pattern caught. */
  readonly reasonWith: (word: string) => string;
}

/** `fetch` reports a failure in the text of its error, a socket in its `code`. */
const KINDS: readonly Kind[] = [
  {
    code: "dns",
    pattern: /dns error|^ENOTFOUND$|^EAI_\w+$/,
    retryable: true,
    reasonWith: () => "its name could not be looked up",
  },
  {
    code: "tls",
    pattern:
      /invalid peer certificate: (.*)$|^((?:CERT|UNABLE|ERR_TLS_CERT|DEPTH_ZERO|SELF_SIGNED|ERR_SSL_CERT)_\w+)$/s,
    retryable: false,
    reasonWith: (word) => `its certificate cannot be trusted (${word})`,
  },
  {
    code: "tls",
    pattern: /received fatal alert: NoApplicationProtocol|^ERR_SSL_\w*NO_APPLICATION_PROTOCOL$/,
    retryable: false,
    reasonWith: () => "it refuses HTTP/1.1, the only version that bytehaul speaks; it may speak HTTP/2 only",
  },
  {
    code: "tls",
    pattern:
      /received fatal alert: (\w+)|received corrupt message of type (\w+)|^(EPROTO|ERR_SSL_[\w/]+|ERR_TLS_\w+)$/,
    retryable: false,
    reasonWith: (word) => `TLS could not be set up (${word})`,
  },
  {
    code: "tls",
    pattern: /tls handshake (eof)/,
    retryable: true,
    reasonWith: (word) => `TLS could not be set up (${word})`,
  },
  {
    code: "connect",
    pattern: /tcp connect error: Connection refused|^ECONNREFUSED$/,
    retryable: true,
    reasonWith: () => "the connection was refused",
  },
  {
    code: "connect",
    pattern: /tcp connect error: ([^()]*)|^(EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|EADDRNOTAVAIL)$/,
    retryable: true,
    reasonWith: (word) => `no connection (${word.trim()})`,
  },
  {
    code: "bad_response",
    pattern: /message head is too large/,
    retryable: false,
    what: "Cannot use the response of",
    reasonWith: () => "its head has more or longer fields than this runtime takes",
  },
  {
    code: "bad_response",
    pattern:
      /invalid HTTP (?:header|status-code|version) parsed|(?:content-length|transfer-encoding) parsed$/,
    retryable: false,
    what: "Cannot use the response of",
    reasonWith: () => "its head is malformed, or has more fields than this runtime takes",
  },
];

/** Translates the rejection of a fetch into a `DownloadError` if its kind is known. */
export function explainFetchFailure(error: unknown, url: string): unknown {
  return explainFailure(error, new URL(url).host);
}

/** Translates an error of a connection to `host` into a `DownloadError` if its kind is known. */
export function explainFailure(error: unknown, host: string): unknown {
  if (!(error instanceof Error) || error.name === "AbortError") return error;
  // Not retryable: a retry would not help, and would prompt again on a terminal.
  if (error.name === "NotCapable") {
    const reason = redact(error.message);
    return new DownloadError("network", `Cannot fetch the file: ${reason}`, { reason });
  }
  const words = tell(error);
  for (const { code, pattern, retryable, what = "Cannot reach", reasonWith } of KINDS) {
    const found = pattern.exec(words);
    if (found === null) continue;
    const word = found.slice(1).find((group) => group !== undefined) ?? "";
    const reason = reasonWith(word);
    return new DownloadError(code, `${what} ${host}: ${reason}`, { retryable, reason });
  }
  return error;
}

function tell(error: Error): string {
  const code = errorCode(error);
  if (code !== undefined) return code;
  const words = error.cause instanceof Error ? error.cause.message : error.message;
  // The text before has the URL, whose query may be secret.
  return words.replace(/^.* client error \(\w+\): /s, "");
}
