import { type Remedy, remedyText } from "./errors.ts";

/**
 * An option that cannot be used. It is a `RangeError` where a number is out of range, and a `TypeError` otherwise.
 *
 * @example Naming the field of a form
 * ```ts
 * import { Downloader, type DownloadSpec, OptionError } from "@bytehaul/bytehaul";
 *
 * const downloader = new Downloader();
 *
 * function complaint(spec: DownloadSpec): string | undefined {
 *   try {
 *     downloader.download(spec);
 *     return undefined;
 *   } catch (error) {
 *     if (error instanceof OptionError) return `${error.option}: ${error.problem}`;
 *     throw error;
 *   }
 * }
 *
 * const told = complaint({ url: "https://example.com/file", maxConnections: 1000 });
 * console.assert(told === "maxConnections: expected a whole number from 1 to 256");
 * ```
 */
export interface OptionError extends Error {
  /** Name of the option, such as `maxConnections`, or `tls.key` for an option inside another. */
  readonly option: string;
  /** What is wrong with the option and what is expected, without the sentence around it. */
  readonly problem: string;
  /** The value that was given. It is `undefined` for a value that is secret or may contain a secret. */
  readonly value: unknown;
  /** What may help, if an option does. The message ends with it. It is not part of `problem`. */
  readonly remedy: Remedy | undefined;
}

/** For `instanceof`: whether an error is an {@linkcode OptionError}, either a `TypeError` or a `RangeError`. */
export const OptionError: { [Symbol.hasInstance](error: unknown): error is OptionError } = {
  [Symbol.hasInstance]: (error): error is OptionError =>
    error instanceof OptionTypeError || error instanceof OptionRangeError,
};

/** What is wrong with an option. */
export interface OptionFault {
  readonly option: string;
  readonly problem: string;
  /** Left out where the value is a secret. */
  readonly value?: unknown;
  /** What the message names as unusable; the option's name by default. */
  readonly subject?: string;
  /** Replaces the message that is made of `subject` and `problem`. */
  readonly message?: string;
  readonly remedy?: Remedy;
}

function messageOf(fault: OptionFault): string {
  const { option, problem, subject = option, remedy } = fault;
  const { message = `Cannot use ${subject}: ${problem}` } = fault;
  return remedy === undefined ? message : message + remedyText(remedy);
}

/** An option of the wrong type, or with a value that does not parse. */
export class OptionTypeError extends TypeError implements OptionError {
  readonly option: string;
  readonly problem: string;
  readonly value: unknown;
  readonly remedy: Remedy | undefined;

  constructor(fault: OptionFault) {
    super(messageOf(fault));
    this.option = fault.option;
    this.problem = fault.problem;
    this.value = fault.value;
    this.remedy = fault.remedy;
  }
}

/** A number that is out of range. */
export class OptionRangeError extends RangeError implements OptionError {
  readonly option: string;
  readonly problem: string;
  readonly value: unknown;
  readonly remedy: Remedy | undefined;

  constructor(fault: OptionFault) {
    super(messageOf(fault));
    this.option = fault.option;
    this.problem = fault.problem;
    this.value = fault.value;
    this.remedy = fault.remedy;
  }
}
