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
  /** Name of the option, such as `maxConnections`, or `tls.key` for one in another. */
  readonly option: string;
  /** What is wrong with it and what would be right, without the sentence around it. */
  readonly problem: string;
  /** What was given. It is `undefined` for a secret, and for what may have one in it. */
  readonly value: unknown;
  /** What may help, if an option does. It ends the message and is no part of `problem`. */
  readonly remedy: Remedy | undefined;
}

/** For `instanceof`: whether an error is an {@linkcode OptionError}, be it a `TypeError` or a `RangeError`. */
export const OptionError: { [Symbol.hasInstance](error: unknown): error is OptionError } = {
  [Symbol.hasInstance]: (error): error is OptionError =>
    error instanceof OptionTypeError || error instanceof OptionRangeError,
};

/** What is wrong with an option. */
export interface OptionFault {
  readonly option: string;
  readonly problem: string;
  /** Left out where it is a secret. */
  readonly value?: unknown;
  /** What the message says cannot be used, unless that is the option's name. */
  readonly subject?: string;
  /** In place of the message that `subject` and `problem` make. */
  readonly message?: string;
  readonly remedy?: Remedy;
}

function messageOf(fault: OptionFault): string {
  const { option, problem, subject = option, remedy } = fault;
  const { message = `Cannot use ${subject}: ${problem}` } = fault;
  return remedy === undefined ? message : message + remedyText(remedy);
}

/** An option of the wrong kind, or one that cannot be understood. */
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
