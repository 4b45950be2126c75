import type { Refresh, RefreshedSource } from "../../options/request_options.ts";
import type { Shell } from "../../runtime/console/console.ts";
import { parseHeaderField } from "../flags/flag_values.ts";

/** The command of `--refresh-cmd` printed nothing usable. The message says why. */
export class RefreshCommandError extends Error {
  override readonly name = "RefreshCommandError";
}

/** Gets a URL that works from a shell command. */
export function refreshByCommand(command: string, shell: Shell): Refresh {
  return async ({ status, signal }) => {
    const ended = await shell(command, { BYTEHAUL_STATUS: String(status) }, signal);
    if (ended.status === null) throw new RefreshCommandError("a signal ended it");
    if (ended.status !== 0) throw new RefreshCommandError(`it ended with status ${ended.status}`);
    return parseRefreshOutput(ended.stdout);
  };
}

/**
 * Parses the command's output: the URL, then header fields, one a line. No error shows the output, as it may be
 * secret.
 */
export function parseRefreshOutput(text: string): RefreshedSource {
  const [first, ...rest] = text.split(/\r?\n/).map((line) => line.trim()).filter((line) => line !== "");
  if (first === undefined) throw new RefreshCommandError("it printed nothing; expected a URL");
  const url = URL.parse(first);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new RefreshCommandError("the first line that it printed is not an http or https URL");
  }
  const headers = rest.map((line, index): [string, string] => {
    const field = parseHeaderField(line);
    if (field === undefined) {
      throw new RefreshCommandError(`line ${index + 2} of what it printed is not "Name: value"`);
    }
    return field;
  });
  return { url, headers };
}
