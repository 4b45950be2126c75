import {
  ChecksumMismatchError,
  type ChecksumWords,
  describeMismatch,
  DownloadError,
  type Remedy,
  remedyText,
} from "../../errors.ts";
import { OptionError } from "../../option_error.ts";
import { FLAGS } from "./flags.ts";

const CHECKSUM_WORDS: ChecksumWords = {
  checksum: nameOf("checksum"),
  checksumFile: nameOf("checksumFile"),
  withoutPublished: `use ${nameOf("publishedDigest")}`,
};

/**
 * The message of an error with the command's flags in place of the library's options. For each option whose value
 * was read from a file, `files` has the flag and the file.
 */
export function inFlags(error: unknown, files: Readonly<Record<string, string>> = {}): string {
  if (error instanceof OptionError) {
    const shown = files[error.option] ?? shownFlag(error);
    return shown === undefined
      ? withRemedy(error.message, error.remedy)
      : `Cannot use ${shown}: ${error.problem}${
        error.remedy === undefined ? "" : remedyInFlags(error.remedy)
      }`;
  }
  if (error instanceof ChecksumMismatchError) {
    return describeMismatch(error.expected, error.actual, error, CHECKSUM_WORDS);
  }
  if (error instanceof DownloadError) return withRemedy(error.message, error.remedy);
  return error instanceof Error ? error.message : String(error);
}

/** The flag of an option with its value, or `undefined` where no flag sets the option. */
function shownFlag({ option, value }: OptionError): string | undefined {
  const flag = FLAGS.find((it) => it.option === option);
  if (flag === undefined) return undefined;
  if (value === undefined) return `--${flag.name}`;
  return `--${flag.name} ${typeof value === "string" ? JSON.stringify(value) : value}`;
}

/** The remedy is always the end of the message. */
function withRemedy(message: string, remedy: Remedy | undefined): string {
  if (remedy === undefined) return message;
  return message.slice(0, -remedyText(remedy).length) + remedyInFlags(remedy);
}

function remedyInFlags(remedy: Remedy): string {
  return remedyText({ ...remedy, how: `use ${remedy.options.map(nameOf).join(" or ")}` });
}

function nameOf(option: string): string {
  const flag = FLAGS.find((it) => it.option === option);
  return flag === undefined ? option : `--${flag.name}`;
}
