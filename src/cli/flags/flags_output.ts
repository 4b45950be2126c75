import { type FlagGroup, ofFile, toggle, toggleOfFile, valued } from "./flag.ts";
import { choice, outputFile, text } from "./flag_values.ts";
import { isPlainUrl } from "../inputs/url.ts";

/** Where files are saved and how they are checked. */
export const OUTPUT_FLAGS: FlagGroup = {
  title: "Output",
  flags: [
    ofFile({
      name: "output",
      short: "o",
      placeholder: "FILE",
      option: "outputPath",
      help:
        "path of the file in --dir, for one URL; without this flag the name comes from the server or the URL",
      value: outputFile,
    }),
    ofFile({
      name: "dir",
      short: "d",
      placeholder: "DIR",
      option: "outputDir",
      help: "directory for the files; created when it is missing",
      value: text,
    }),
    toggleOfFile({
      name: "overwrite",
      option: "overwrite",
      help: "replace an existing file once the new one is complete",
      value: true,
    }),
    toggle({
      name: "skip-existing",
      help: "do not fetch a file whose name exists already; with a checksum, the existing file must match",
      set: (draft) => draft.skipsExisting = true,
    }),
    toggleOfFile({
      name: "rename",
      option: "rename",
      help: "add a number to the file's name where the name is taken, as in name.1.bin",
      value: true,
    }),
    toggleOfFile({
      name: "no-resume",
      option: "resume",
      help: "restart at the first byte instead of resuming the data of an earlier run",
      value: false,
    }),
    ofFile({
      name: "checksum",
      placeholder: "ALGO:HEX",
      option: "checksum",
      help:
        "checksum of the file, for one URL, such as sha256:9f86...; the file gets its name only when its checksum matches",
      value: text,
    }),
    valued({
      name: "checksum-file",
      placeholder: "LIST",
      option: "checksumFile",
      help: "URL or path of a list of checksums, such as SHA256SUMS",
      value: text,
      set: (draft, value) => {
        draft.specOptions.checksumFile = value;
        if (URL.canParse(value) && !isPlainUrl(value)) draft.hasSecrets = true;
      },
    }),
    toggleOfFile({
      name: "no-published-digest",
      option: "publishedDigest",
      help: "do not compare files with digests that the server sends for them",
      value: false,
    }),
    toggleOfFile({
      name: "discard-mismatch",
      option: "discardMismatch",
      help: "remove a file that fails its checksum; without this flag it is kept as NAME.mismatch",
      value: true,
    }),
    ofFile({
      name: "file-allocation",
      placeholder: "HOW",
      option: "fileAllocation",
      help: "none, or prealloc to reserve the full length before the first byte",
      value: choice("none", "prealloc"),
    }),
  ],
};
