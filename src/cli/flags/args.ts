import { parseArgs as tokenize } from "node:util";
import { ALGORITHM_BY_DIGITS } from "../../options/checksum.ts";
import type { DownloaderOptions } from "../../options/options.ts";
import { closestWord } from "../../lib/closest_word.ts";
import { type Draft, emptyDraft, type Inputs, type SpecOptions } from "./draft.ts";
import type { Flag } from "./flag.ts";
import { FLAGS } from "./flags.ts";
import { remedyForForeign } from "./foreign_flags.ts";
import { UsageError } from "./usage_error.ts";

/** The command that fetches URLs. */
export interface DownloadCommand {
  readonly kind: "download";
  /** At least one unless there is a list. They are not checked yet. */
  readonly urls: readonly string[];
  /** The options of the downloader, without a logger. */
  readonly options: DownloaderOptions;
  /** The options of every URL. */
  readonly specOptions: SpecOptions;
  /** What must be read before the downloads start. */
  readonly inputs: Inputs;
  /** Whether the command line may contain a secret outside the URLs. */
  readonly hasSecrets: boolean;
  /** Whether an existing file counts as done. */
  readonly skipsExisting: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly json: boolean;
}

/** The command that checks existing files. */
export interface VerifyCommand {
  readonly kind: "verify";
  /** Empty where the checksum list names the files. */
  readonly files: readonly string[];
  readonly checksum?: string;
  readonly checksumFile?: string;
  readonly quiet: boolean;
  readonly json: boolean;
}

/** A parsed command line. */
export type CliCommand =
  | { readonly kind: "help" }
  | { readonly kind: "version" }
  | DownloadCommand
  | VerifyCommand;

const VERIFY_FLAGS: readonly Flag[] = FLAGS.filter(({ name }) =>
  ["checksum", "checksum-file", "quiet", "json", "help", "version"].includes(name)
);

const NODE_OPTIONS = Object.fromEntries(FLAGS.map(({ name, short, placeholder }) => [name, {
  type: placeholder === undefined ? "boolean" as const : "string" as const,
  ...(short === undefined ? {} : { short }),
}]));

/** Parses a command line. Throws a {@linkcode UsageError} that says what is wrong with it. */
export function parseArgs(argv: readonly string[]): CliCommand {
  const isVerify = argv[0] === "verify";
  const { draft, words, shows } = isVerify ? readWords(argv.slice(1), VERIFY_FLAGS) : readWords(argv, FLAGS);
  if (shows !== undefined) return { kind: shows };
  if (isVerify) return verifyCommand(draft, words);
  checkTogether(draft, words);
  return { kind: "download", urls: words, ...draft };
}

/** Whether a command line that may be wrong has the flag `--json`. */
export function requestsJson(argv: readonly string[]): boolean {
  return tokensOf(argv).some((token) =>
    token.kind === "option" && token.name === "json" && token.value === undefined
  );
}

interface Words {
  readonly draft: Draft;
  /** The words that are neither flags nor values of flags. */
  readonly words: readonly string[];
  readonly shows: "help" | "version" | undefined;
}

function tokensOf(argv: readonly string[]) {
  return tokenize({ args: [...argv], options: NODE_OPTIONS, strict: false, tokens: true }).tokens;
}

function readWords(argv: readonly string[], flags: readonly Flag[]): Words {
  const draft = emptyDraft();
  const words: string[] = [];
  for (const token of tokensOf(argv)) {
    if (token.kind === "positional") words.push(token.value);
    if (token.kind !== "option") continue;
    const flag = flags.find(({ name }) => name === token.name);
    if (flag === undefined) throw unknownFlag(token.rawName, argv[token.index] ?? token.rawName, flags);
    applyFlag(flag, token, draft);
    if (flag.name === "help" || flag.name === "version") return { draft, words, shows: flag.name };
  }
  return { draft, words, shows: undefined };
}

function verifyCommand({ specOptions, quiet, json }: Draft, files: readonly string[]): VerifyCommand {
  const { checksum, checksumFile } = specOptions;
  checkChecksums(specOptions);
  if (files.length === 0 && checksumFile === undefined) {
    throw new UsageError(
      "Cannot verify without a FILE: expected one or more, or --checksum-file LIST for all that it names",
    );
  }
  if (files.includes("")) throw new UsageError('Cannot verify "": expected the path of a file');
  if (files.length > 1 && checksum !== undefined) {
    throw new UsageError(
      `Cannot use --checksum ${JSON.stringify(checksum)} for ${files.length} files: it belongs to one file`,
    );
  }
  if (checksumFile !== undefined && /^https?:/i.test(String(checksumFile))) {
    throw new UsageError("Cannot use --checksum-file with a URL to verify: expected the path of a list");
  }
  return {
    ...{ kind: "verify", files, quiet, json },
    ...(checksum === undefined ? {} : { checksum }),
    ...(checksumFile === undefined ? {} : { checksumFile: String(checksumFile) }),
  };
}

/** A flag on the command line. */
interface GivenFlag {
  readonly rawName: string;
  readonly value: string | undefined;
  /** Whether the value is in the same word, as in `--name=value`. */
  readonly inlineValue: boolean | undefined;
}

function applyFlag(
  flag: Flag,
  { rawName: shown, value, inlineValue = false }: GivenFlag,
  draft: Draft,
): void {
  if (flag.placeholder === undefined) {
    if (value !== undefined) throw new UsageError(`Cannot give ${shown} a value: it takes none`);
    flag.apply(draft, "");
    return;
  }
  if (value === undefined) {
    throw new UsageError(`Cannot use ${shown} without a value: expected ${flag.expected}`);
  }
  if (!inlineValue && isFlag(value)) {
    throw new UsageError(
      `Cannot use ${shown} without a value: after it comes the flag ${value}; expected ${flag.expected}`,
    );
  }
  if (!flag.apply(draft, value)) {
    const quoted = flag.secret ? "with this value" : JSON.stringify(value);
    throw new UsageError(`Cannot use ${shown} ${quoted}: expected ${flag.expected}`);
  }
}

function isFlag(text: string): boolean {
  return FLAGS.some(({ name, short }) => text === `--${name}` || text === `-${short}`);
}

/** `argument` is the complete word. `shown` is the part of it that a message may repeat. */
function unknownFlag(shown: string, argument: string, flags: readonly Flag[]): UsageError {
  if (flags !== FLAGS && isFlag(shown)) {
    return new UsageError(`Cannot use ${shown} with verify: it is for downloads; see bytehaul --help`);
  }
  const word = argument.replace(/^-+/, "").replace(/=.*$/s, "");
  const near = word.length > 2 ? closestWord(word, flags.map(({ name }) => name)) : undefined;
  const foreign = (name: string) => flags === FLAGS ? remedyForForeign(name) : undefined;
  const remedy = foreign(word) ?? (near === undefined ? undefined : `did you mean --${near}?`) ??
    foreign(shown.replace(/^-+/, "")) ?? "see bytehaul --help";
  return new UsageError(`Cannot use ${shown}: there is no such flag; ${remedy}`);
}

function checkTogether(draft: Draft, urls: readonly string[]): void {
  const { specOptions, inputs, skipsExisting, quiet, verbose } = draft;
  const lists = inputs.inputFiles ?? [];
  if (lists.length > 1) {
    throw new UsageError(`Cannot use ${lists.length} lists with --input-file: expected one`);
  }
  if (urls.length === 0 && lists.length === 0) {
    throw new UsageError(
      "Cannot start without a URL: expected one or more, such as https://example.com/file, or a list with -i; see bytehaul --help",
    );
  }
  const { outputPath, checksum } = specOptions;
  checkChecksums(specOptions);
  const ofOneFile = {
    [`--output ${JSON.stringify(outputPath)}`]: [outputPath, "it names one file; expected one URL, or --dir"],
    [`--checksum ${JSON.stringify(checksum)}`]: [checksum, "it belongs to one file; expected one URL"],
    "--refresh-cmd": [inputs.refreshCommand, "it belongs to one file; expected one URL"],
  };
  for (const [shown, [value, reason]] of Object.entries(ofOneFile)) {
    if (value === undefined) continue;
    if (lists.length > 0) throw new UsageError(`Cannot use ${shown} with a list: ${reason}`);
    if (urls.length > 1) throw new UsageError(`Cannot use ${shown} for ${urls.length} URLs: ${reason}`);
  }
  // With a checksum both flags have a meaning: a file that matches is kept, and one that does not is replaced.
  const hasChecksum = (checksum ?? specOptions.checksumFile) !== undefined;
  if (skipsExisting && specOptions.overwrite && !hasChecksum) {
    throw notTogether("--skip-existing", "--overwrite");
  }
  if (skipsExisting && specOptions.rename) throw notTogether("--skip-existing", "--rename");
  if (quiet && verbose) throw notTogether("--quiet", "--verbose");
  if (inputs.user !== undefined && inputs.bearer !== undefined) throw notTogether("--user", "--bearer");
  if ((inputs.cert === undefined) !== (inputs.key === undefined)) {
    const [given, path, lacking] = inputs.key === undefined
      ? ["--cert", inputs.cert, "--key"]
      : ["--key", inputs.key, "--cert"];
    throw new UsageError(`Cannot use ${given} ${JSON.stringify(path)} without ${lacking}: expected both`);
  }
}

function notTogether(one: string, other: string): UsageError {
  return new UsageError(`Cannot use ${one} together with ${other}: expected one of them`);
}

function checkChecksums({ checksum, checksumFile }: Draft["specOptions"]): void {
  if (checksum === undefined) return;
  if (checksumFile !== undefined) throw notTogether("--checksum", "--checksum-file");
  const algorithm = ALGORITHM_BY_DIGITS[checksum.length];
  if (algorithm === undefined || !/^[\da-f]+$/i.test(checksum)) return;
  throw new UsageError(
    `Cannot use --checksum ${
      JSON.stringify(checksum)
    }: it names no algorithm; did you mean ${algorithm}:${checksum}?`,
  );
}
