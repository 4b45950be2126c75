import { type Remedy, remedyText } from "./errors.ts";

/**
 * An option that cannot be used. The error is a `RangeError` when a number is out of range, and a `TypeError`
 * otherwise.
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
 * const text = complaint({ url: "https://example.com/file", maxConnections: 1000 });
 * console.assert(text === "maxConnections: expected a whole number from 1 to 256");
 * ```
 */
export interface OptionError extends Error {
  /** Name of the option, such as `maxConnections`, or `tls.key` for an option inside `tls`. */
  readonly option: string;
  /** What is wrong with the option and what is expected, as a part of a sentence. */
  readonly problem: string;
  /** The given value, or `undefined` if the value is or may contain a secret. */
  readonly value: unknown;
  /** An option that may help. The message ends with the remedy; `problem` does not contain it. */
  readonly remedy: Remedy | undefined;
}

/** Lets `instanceof` recognize every {@linkcode OptionError}, a `TypeError` as well as a `RangeError`. */
export const OptionError: { [Symbol.hasInstance](error: unknown): error is OptionError } = {
  [Symbol.hasInstance]: (error): error is OptionError =>
    error instanceof OptionTypeError || error instanceof OptionRangeError,
};

/** The data of an {@linkcode OptionError}. */
export interface OptionFault {
  readonly option: string;
  readonly problem: string;
  /** Left out for a secret. */
  readonly value?: unknown;
  /** What the message says cannot be used; by default the option's name. */
  readonly subject?: string;
  /** Replaces the message made of `subject` and `problem`. */
  readonly message?: string;
  readonly remedy?: Remedy;
}

function messageOf(fault: OptionFault): string {
  const { option, problem, subject = option, remedy } = fault;
  const { message = `Cannot use ${subject}: ${problem}` } = fault;
  return remedy === undefined ? message : message + remedyText(remedy);
}

/** The value of an option has the wrong type or form. */
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
