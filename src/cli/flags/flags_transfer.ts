import { AUTO_CONNECTIONS, DOWNLOADER_RANGES, SPEC_RANGES } from "../../options/defaults.ts";
import { type FlagGroup, ofAll, ofFile, valued } from "./flag.ts";
import { count, countOr, seconds, size, text } from "./flag_values.ts";

const CONNECTIONS = SPEC_RANGES.maxConnections;

/** How files are fetched. */
export const TRANSFER_FLAGS: FlagGroup = {
  title: "Transfer",
  flags: [
    valued({
      name: "input-file",
      short: "i",
      placeholder: "FILE",
      help: "also fetch the files of the list in FILE, see below; - is standard input",
      value: text,
      set: (draft, value) => draft.inputs.inputFiles = [...draft.inputs.inputFiles ?? [], value],
    }),
    ofFile({
      name: "connections",
      short: "x",
      placeholder: "N",
      option: "maxConnections",
      help:
        `connections for each file, ${CONNECTIONS.min} to ${CONNECTIONS.max}, or auto: up to ${AUTO_CONNECTIONS} while more connections are faster`,
      value: countOr("auto", CONNECTIONS),
    }),
    ofAll({
      name: "max-concurrent",
      short: "j",
      placeholder: "N",
      option: "maxConcurrentDownloads",
      help: "files fetched at the same time",
      value: count(DOWNLOADER_RANGES.maxConcurrentDownloads),
    }),
    ofAll({
      name: "max-per-host",
      placeholder: "N",
      option: "maxDownloadsPerHost",
      help: "files from one host and port fetched at the same time",
      value: count(DOWNLOADER_RANGES.maxDownloadsPerHost),
    }),
    ofAll({
      name: "limit-rate",
      short: "l",
      placeholder: "RATE",
      option: "maxDownloadSpeed",
      help: "bytes a second for all files together; 0 is no limit",
      value: size(SPEC_RANGES.maxDownloadSpeed),
    }),
    ofFile({
      name: "memory-budget",
      placeholder: "SIZE",
      option: "memoryBudget",
      help: "the most bytes of each file buffered in memory",
      value: size(SPEC_RANGES.memoryBudget),
    }),
    ofFile({
      name: "piece-size",
      placeholder: "SIZE",
      option: "pieceSize",
      help: "the unit in which finished data is recorded",
      value: size(SPEC_RANGES.pieceSize),
    }),
    ofFile({
      name: "min-split-size",
      placeholder: "SIZE",
      option: "minSplitSize",
      help: "a smaller file is fetched over one connection",
      value: size(SPEC_RANGES.minSplitSize),
    }),
    ofFile({
      name: "min-segment-size",
      placeholder: "SIZE",
      option: "minSegmentSize",
      help: "the fewest bytes in one request",
      value: size(SPEC_RANGES.minSegmentSize),
    }),
    ofFile({
      name: "max-segment-size",
      placeholder: "SIZE",
      option: "maxSegmentSize",
      help: "the most bytes in one request, for servers that refuse longer ranges",
      value: size(SPEC_RANGES.maxSegmentSize),
    }),
    ofFile({
      name: "save-interval",
      placeholder: "S",
      option: "controlSaveIntervalMs",
      help: "the most seconds that a power loss may cost",
      value: seconds(SPEC_RANGES.controlSaveIntervalMs),
    }),
  ],
};
