import { SPEC_RANGES } from "../../options/defaults.ts";
import { type FlagGroup, ofFile } from "./flag.ts";
import { count, seconds } from "./flag_values.ts";

/** When to retry and when to fail. */
export const RETRY_FLAGS: FlagGroup = {
  title: "Retries and time",
  flags: [
    ofFile({
      name: "retries",
      placeholder: "N",
      option: "maxRetries",
      help: "retries without a byte of progress before a file fails",
      value: count(SPEC_RANGES.maxRetries),
    }),
    ofFile({
      name: "retry-delay",
      placeholder: "S",
      option: "retryBaseDelayMs",
      help: "the longest delay before the first retry; doubles with each further retry",
      value: seconds(SPEC_RANGES.retryBaseDelayMs),
    }),
    ofFile({
      name: "retry-max-delay",
      placeholder: "S",
      option: "retryMaxDelayMs",
      help: "the longest delay before any retry",
      value: seconds(SPEC_RANGES.retryMaxDelayMs),
    }),
    ofFile({
      name: "max-retry-time",
      placeholder: "S",
      option: "maxRetryElapsedMs",
      help: "seconds without progress after which retries stop",
      value: seconds(SPEC_RANGES.maxRetryElapsedMs),
    }),
    ofFile({
      name: "connect-timeout",
      placeholder: "S",
      option: "connectTimeoutMs",
      help: "seconds from a request to the head of its response",
      value: seconds(SPEC_RANGES.connectTimeoutMs),
    }),
    ofFile({
      name: "read-timeout",
      placeholder: "S",
      option: "readTimeoutMs",
      help: "seconds that may pass without a byte of a response",
      value: seconds(SPEC_RANGES.readTimeoutMs),
    }),
  ],
};
