import { parseArgs as tokenize } from "node:util";
import type { DownloaderOptions } from "../options.ts";
import { closestWord } from "./did_you_mean.ts";
import { type Draft, type Flag, FLAGS, type SpecOptions } from "./flags.ts";

/** The command line asks for something that cannot be; the message is one sentence for the user. */
export class UsageError extends TypeError {
  override readonly name = "UsageError";
}

/** Fetch the URLs. */
export interface DownloadCommand {
  readonly kind: "download";
  /** At least one, not judged yet. */
  readonly urls: readonly string[];
  /** For the downloader; without a logger. */
  readonly options: DownloaderOptions;
  /** For every URL. */
  readonly specOptions: SpecOptions;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly json: boolean;
}

/** What a command line asks for. */
export type CliCommand = { readonly kind: "help" } | { readonly kind: "version" } | DownloadCommand;

const NODE_OPTIONS = Object.fromEntries(FLAGS.map(({ name, short, placeholder }) => [name, {
  type: placeholder === undefined ? "boolean" as const : "string" as const,
  ...(short === undefined ? {} : { short }),
}]));

/** Reads a command line; a {@linkcode UsageError} says what is wrong with it. */
export function parseArgs(argv: readonly string[]): CliCommand {
  const draft: Draft = {
    options: {},
    specOptions: {},
    headers: [],
    quiet: false,
    verbose: false,
    json: false,
  };
  const urls: string[] = [];
  for (
    const token of tokenize({ args: [...argv], options: NODE_OPTIONS, strict: false, tokens: true }).tokens
  ) {
    if (token.kind === "positional") urls.push(token.value);
    if (token.kind !== "option") continue;
    const flag = FLAGS.find(({ name }) => name === token.name);
    if (flag === undefined) throw unknownFlag(token.rawName, argv[token.index] ?? token.rawName);
    applyFlag(flag, token.rawName, token.value, token.inlineValue ?? false, draft);
    if (flag.name === "help" || flag.name === "version") return { kind: flag.name };
  }
  const { headers, ...command } = draft;
  if (headers.length > 0) command.specOptions.headers = headers;
  checkTogether(command, urls);
  return { kind: "download", urls, ...command };
}

function applyFlag(
  flag: Flag,
  shown: string,
  value: string | undefined,
  inline: boolean,
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
  if (!inline && isFlag(value)) {
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

/** `argument` is the whole word, of which `shown` is the part that a message may repeat. */
function unknownFlag(shown: string, argument: string): UsageError {
  const word = argument.replace(/^-+/, "").replace(/=.*$/s, "");
  const near = word.length > 2 ? closestWord(word, FLAGS.map(({ name }) => name)) : undefined;
  const remedy = near === undefined ? "see bytehaul --help" : `did you mean --${near}?`;
  return new UsageError(`Cannot use ${shown}: there is no such flag; ${remedy}`);
}

function checkTogether(draft: Omit<Draft, "headers">, urls: readonly string[]): void {
  if (urls.length === 0) {
    throw new UsageError(
      "Cannot start without a URL: expected one or more, such as https://example.com/file",
    );
  }
  const { outputPath, checksum } = draft.specOptions;
  if (urls.length > 1 && outputPath !== undefined) {
    throw new UsageError(
      `Cannot use --output ${JSON.stringify(outputPath)} for ${urls.length} URLs: ` +
        "it names one file; expected one URL, or --dir",
    );
  }
  if (urls.length > 1 && checksum !== undefined) {
    throw new UsageError(
      `Cannot use --checksum ${JSON.stringify(checksum)} for ${urls.length} URLs: ` +
        "it belongs to one file; expected one URL",
    );
  }
  if (draft.quiet && draft.verbose) {
    throw new UsageError("Cannot use --quiet together with --verbose: expected one of them");
  }
}
