import type { CliHost } from "../../runtime/console/console.ts";
import { UsageError } from "./usage_error.ts";

/**
 * Reads values from outside the command line: `@FILE` from a file, `@-` from standard input, and `@env:NAME` from
 * the environment. Its messages name the flag and the place of a value, never the value.
 */
export class ValueReader {
  readonly #host: CliHost;
  /** The flag that uses standard input, which can be read only once. */
  #stdinFlag: string | undefined;

  constructor(host: CliHost) {
    this.#host = host;
  }

  /** The text of a value, or of the place that it names. */
  async text(flag: string, value: string): Promise<string> {
    if (!value.startsWith("@")) return value;
    const place = value.slice(1);
    if (place === "-") return await this.#stdin(flag);
    if (!place.startsWith("env:")) return await this.file(flag, place);
    const found = this.variable(flag, place.slice("env:".length));
    if (found === undefined) throw refusal(`${flag} ${value}`, "it is not set in the environment");
    return found;
  }

  /** As `text`, for a text of one line. The line end is removed. */
  async line(flag: string, value: string): Promise<string> {
    const line = (await this.text(flag, value)).replace(/\r?\n$/, "");
    if (line === "" || /[\r\n]/.test(line)) {
      const reason = line === "" ? "it is empty" : "it has several lines; expected one";
      throw refusal(value.startsWith("@") ? `${flag} ${JSON.stringify(value)}` : flag, reason);
    }
    return line;
  }

  /** The contents of a file. */
  async file(flag: string, path: string): Promise<string> {
    try {
      return await this.#host.readText(path);
    } catch (error) {
      throw refusal(`${flag} ${JSON.stringify(path)}`, reasonOf(error));
    }
  }

  /** A variable of the environment, `undefined` when it is not set. */
  variable(flag: string, name: string): string | undefined {
    try {
      return this.#host.variable(name);
    } catch (error) {
      throw refusal(flag, reasonOf(error));
    }
  }

  /** Reserves standard input for a later reader. */
  claimStdin(flag: string, shown: string): void {
    if (this.#stdinFlag !== undefined) {
      throw refusal(`${flag} ${shown}`, `standard input was read for ${this.#stdinFlag}`);
    }
    this.#stdinFlag = flag;
  }

  async #stdin(flag: string): Promise<string> {
    this.claimStdin(flag, "@-");
    return await this.#host.readStdin();
  }
}

/** The reason for a failure of the host. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function refusal(what: string, reason: string): UsageError {
  return new UsageError(`Cannot use ${what}: ${reason}`);
}
