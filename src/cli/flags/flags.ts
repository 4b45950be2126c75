import { type Flag, type FlagGroup, toggle } from "./flag.ts";
import { HTTP_FLAGS } from "./flags_http.ts";
import { NETWORK_FLAGS, TLS_FLAGS } from "./flags_network.ts";
import { OUTPUT_FLAGS } from "./flags_output.ts";
import { RETRY_FLAGS } from "./flags_retry.ts";
import { TRANSFER_FLAGS } from "./flags_transfer.ts";

const REPORTING_FLAGS: FlagGroup = {
  title: "Reporting",
  flags: [
    toggle({
      name: "quiet",
      short: "q",
      help: "errors only; with --json, results and errors",
      set: (draft) => draft.quiet = true,
    }),
    toggle({
      name: "verbose",
      short: "v",
      help: "also report retries, restarts and other events",
      set: (draft) => draft.verbose = true,
    }),
    toggle({
      name: "json",
      help: "one JSON object a line on standard output, see below",
      set: (draft) => draft.json = true,
    }),
    toggle({ name: "help", short: "h", help: "show this text", set: () => {} }),
    toggle({ name: "version", short: "V", help: "show the version", set: () => {} }),
  ],
};

/** Every flag. Parsing, the help and suggestions use this table. */
export const FLAG_GROUPS: readonly FlagGroup[] = [
  OUTPUT_FLAGS,
  TRANSFER_FLAGS,
  RETRY_FLAGS,
  HTTP_FLAGS,
  NETWORK_FLAGS,
  TLS_FLAGS,
  REPORTING_FLAGS,
];

/** The flags of all groups. */
export const FLAGS: readonly Flag[] = FLAG_GROUPS.flatMap((group) => group.flags);
