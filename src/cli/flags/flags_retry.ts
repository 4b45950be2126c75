import { SPEC_NUMBERS } from "../../options/resolve_options.ts";
import { type FlagGroup, valued } from "./flag.ts";
import { count, seconds } from "./flag_values.ts";

/** When to try again and when to give up. */
export const RETRY_FLAGS: FlagGroup = {
  title: "Retries and time",
  flags: [
    valued({
      name: "retries",
      placeholder: "N",
      help: "further tries without a byte of progress before giving up (default 5)",
      value: count(SPEC_NUMBERS.maxRetries),
      set: (draft, value) => draft.specOptions.maxRetries = value,
    }),
    valued({
      name: "retry-delay",
      placeholder: "S",
      help: "seconds before the first retry; doubles with each further one (default 1)",
      value: seconds(SPEC_NUMBERS.retryBaseDelayMs),
      set: (draft, value) => draft.specOptions.retryBaseDelayMs = value,
    }),
    valued({
      name: "retry-max-delay",
      placeholder: "S",
      help: "the longest wait between two tries (default 30)",
      value: seconds(SPEC_NUMBERS.retryMaxDelayMs),
      set: (draft, value) => draft.specOptions.retryMaxDelayMs = value,
    }),
    valued({
      name: "max-retry-time",
      placeholder: "S",
      help: "give up after so many seconds without progress; without it only --retries counts",
      value: seconds(SPEC_NUMBERS.maxRetryElapsedMs),
      set: (draft, value) => draft.specOptions.maxRetryElapsedMs = value,
    }),
    valued({
      name: "connect-timeout",
      placeholder: "S",
      help: "seconds from a request to the head of its response (default 30)",
      value: seconds(SPEC_NUMBERS.connectTimeoutMs),
      set: (draft, value) => draft.specOptions.connectTimeoutMs = value,
    }),
    valued({
      name: "read-timeout",
      placeholder: "S",
      help: "seconds that a response may stay silent (default 60)",
      value: seconds(SPEC_NUMBERS.readTimeoutMs),
      set: (draft, value) => draft.specOptions.readTimeoutMs = value,
    }),
  ],
};
