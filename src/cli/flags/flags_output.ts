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
      help: "path of the file, for one URL; without it the name comes from the server or the URL",
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
      help: "replace a file that has the name, once the new one is complete",
      value: true,
    }),
    toggle({
      name: "skip-existing",
      help: "a file that has the name counts as done; with a checksum only when it matches",
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
      help: "restart instead of resuming what an earlier run left",
      value: false,
    }),
    ofFile({
      name: "checksum",
      placeholder: "ALGO:HEX",
      option: "checksum",
      help: "for one URL, such as sha256:9f86...; the file gets its name only when it matches",
      value: text,
    }),
    valued({
      name: "checksum-file",
      placeholder: "LIST",
      option: "checksumFile",
      help: "URL or path of a list such as SHA256SUMS, which has a line for each file",
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
