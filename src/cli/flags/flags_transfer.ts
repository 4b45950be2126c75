import { CONCURRENT_DOWNLOADS, DOWNLOADS_PER_HOST, SPEC_NUMBERS } from "../../options/resolve_options.ts";
import { type FlagGroup, valued } from "./flag.ts";
import { count, countOr, seconds, size, text } from "./flag_values.ts";

/** How files are fetched. */
export const TRANSFER_FLAGS: FlagGroup = {
  title: "Transfer",
  flags: [
    valued({
      name: "input-file",
      short: "i",
      placeholder: "FILE",
      help: "fetch what the list in FILE names, too, see below; - is standard input",
      value: text,
      set: (draft, value) => draft.inputs.inputFiles = [...draft.inputs.inputFiles ?? [], value],
    }),
    valued({
      name: "connections",
      short: "x",
      placeholder: "N",
      help: "connections for each file, 1 to 256, or auto: up to 16 while more are faster (default auto)",
      value: countOr("auto", SPEC_NUMBERS.maxConnections),
      set: (draft, value) => draft.specOptions.maxConnections = value,
    }),
    valued({
      name: "max-concurrent",
      short: "j",
      placeholder: "N",
      help: "files fetched at the same time (default 4)",
      value: count(CONCURRENT_DOWNLOADS),
      set: (draft, value) => draft.options.maxConcurrentDownloads = value,
    }),
    valued({
      name: "max-per-host",
      placeholder: "N",
      help: "of these, files from one host and port; without it only -j counts",
      value: count(DOWNLOADS_PER_HOST),
      set: (draft, value) => draft.options.maxDownloadsPerHost = value,
    }),
    valued({
      name: "limit-rate",
      short: "l",
      placeholder: "RATE",
      help: "bytes a second for all files together; 0 is no limit (default 0)",
      value: size(SPEC_NUMBERS.maxDownloadSpeed),
      set: (draft, value) => draft.options.maxDownloadSpeed = value,
    }),
    valued({
      name: "memory-budget",
      placeholder: "SIZE",
      help: "the most bytes of each file held in memory (default 16M)",
      value: size(SPEC_NUMBERS.memoryBudget),
      set: (draft, value) => draft.specOptions.memoryBudget = value,
    }),
    valued({
      name: "piece-size",
      placeholder: "SIZE",
      help: "the unit in which finished data is recorded (default 1M)",
      value: size(SPEC_NUMBERS.pieceSize),
      set: (draft, value) => draft.specOptions.pieceSize = value,
    }),
    valued({
      name: "min-split-size",
      placeholder: "SIZE",
      help: "a smaller file is fetched over one connection (default 10M)",
      value: size(SPEC_NUMBERS.minSplitSize),
      set: (draft, value) => draft.specOptions.minSplitSize = value,
    }),
    valued({
      name: "min-segment-size",
      placeholder: "SIZE",
      help: "the least that one request asks for (default 256k)",
      value: size(SPEC_NUMBERS.minSegmentSize),
      set: (draft, value) => draft.specOptions.minSegmentSize = value,
    }),
    valued({
      name: "max-segment-size",
      placeholder: "SIZE",
      help: "the most that one request asks for, for servers that refuse longer ranges (default no limit)",
      value: size(SPEC_NUMBERS.maxSegmentSize),
      set: (draft, value) => draft.specOptions.maxSegmentSize = value,
    }),
    valued({
      name: "save-interval",
      placeholder: "S",
      help: "most seconds between two saves of what is there (default 5)",
      value: seconds(SPEC_NUMBERS.controlSaveIntervalMs),
      set: (draft, value) => draft.specOptions.controlSaveIntervalMs = value,
    }),
  ],
};
