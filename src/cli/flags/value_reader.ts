import type { CliHost } from "../../runtime/console/console.ts";
import { UsageError } from "./usage_error.ts";

/**
 * Reads values that need not stand on the command line: `@FILE` is in a file, `@-` comes from standard input, and
 * `@env:NAME` is in the environment. What it refuses it names by flag and place, never by value.
 */
export class ValueReader {
  readonly #host: CliHost;
  /** The flag that took standard input, which can be read once. */
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

  /** As `text`, and the end of its only line left out. */
  async line(flag: string, value: string): Promise<string> {
    const line = (await this.text(flag, value)).replace(/\r?\n$/, "");
    if (line === "" || /[\r\n]/.test(line)) {
      const reason = line === "" ? "it is empty" : "it has several lines; expected one";
      throw refusal(value.startsWith("@") ? `${flag} ${JSON.stringify(value)}` : flag, reason);
    }
    return line;
  }

  /** What a file holds. */
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

  /** Keeps standard input for what reads it later. */
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

/** Why the host could not do something. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function refusal(what: string, reason: string): UsageError {
  return new UsageError(`Cannot use ${what}: ${reason}`);
}
