import { type FlagGroup, toggle, valued } from "./flag.ts";
import { choice, outputFile, text } from "./flag_values.ts";
import { isPlainUrl } from "../inputs/url.ts";

/** Where files go and when they are good. */
export const OUTPUT_FLAGS: FlagGroup = {
  title: "Output",
  flags: [
    valued({
      name: "output",
      short: "o",
      placeholder: "FILE",
      help: "path of the file, for one URL; without it the server or the URL names it",
      value: outputFile,
      set: (draft, value) => draft.specOptions.outputPath = value,
    }),
    valued({
      name: "dir",
      short: "d",
      placeholder: "DIR",
      help: "directory for the files, made when it is missing (default .)",
      value: text,
      set: (draft, value) => draft.specOptions.outputDir = value,
    }),
    toggle({
      name: "overwrite",
      help: "replace a file that has the name, once the new one is whole",
      set: (draft) => draft.specOptions.overwrite = true,
    }),
    toggle({
      name: "skip-existing",
      help: "a file that has the name counts as done; with a checksum only when it matches",
      set: (draft) => draft.skipsExisting = true,
    }),
    toggle({
      name: "rename",
      help: "where a name is taken, number the file, as in name.1.bin",
      set: (draft) => draft.specOptions.rename = true,
    }),
    toggle({
      name: "no-resume",
      help: "fetch anew instead of going on with what an earlier run left",
      set: (draft) => draft.specOptions.resume = false,
    }),
    valued({
      name: "checksum",
      placeholder: "ALGO:HEX",
      help: "for one URL, such as sha256:9f86...; the file gets its name only when it matches",
      value: text,
      set: (draft, value) => draft.specOptions.checksum = value,
    }),
    valued({
      name: "checksum-file",
      placeholder: "LIST",
      help: "URL or path of a list such as SHA256SUMS, which has a line for each file",
      value: text,
      set: (draft, value) => {
        draft.specOptions.checksumFile = value;
        if (URL.canParse(value) && !isPlainUrl(value)) draft.hasSecrets = true;
      },
    }),
    toggle({
      name: "no-published-digest",
      help: "do not compare files with digests that the server sends for them",
      set: (draft) => draft.specOptions.publishedDigest = false,
    }),
    toggle({
      name: "discard-mismatch",
      help: "remove a file that fails its checksum; else it is kept as NAME.mismatch",
      set: (draft) => draft.specOptions.discardMismatch = true,
    }),
    valued({
      name: "file-allocation",
      placeholder: "HOW",
      help: "none, or prealloc for the full length before the first byte (default none)",
      value: choice("none", "prealloc"),
      set: (draft, value) => draft.specOptions.fileAllocation = value,
    }),
  ],
};
