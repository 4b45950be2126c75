import { OptionTypeError } from "../option_error.ts";
import type { Cookie } from "./resolved_options.ts";

/**
 * Parses the text of a cookie file in the Netscape format, as browser extensions and curl write it. Throws a
 * `TypeError` for a line that is no cookie. It names the line's number and not its content, which may be secret.
 */
export function parseCookieFile(text: unknown): Cookie[] {
  if (text === undefined) return [];
  if (typeof text !== "string") throw refused("expected the text of a cookie file");
  const cookies: Cookie[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const entry = line.replace(/^#HttpOnly_/, "");
    if (entry.trim() === "" || entry.startsWith("#")) continue;
    const cookie = parseLine(entry);
    if (cookie === undefined) {
      throw refused(
        `line ${index + 1} is not of the Netscape format; expected seven fields with tabs between them`,
      );
    }
    cookies.push(cookie);
  }
  return cookies;
}

function refused(problem: string): OptionTypeError {
  return new OptionTypeError({ option: "cookies", problem });
}

function parseLine(line: string): Cookie | undefined {
  const [domain = "", includesSubdomains, path = "", secure, expires = "", name = "", value = "", ...more] =
    line.split("\t");
  const flags = [includesSubdomains, secure];
  if (domain === "" || name === "" || more.length > 0 || !path.startsWith("/")) return undefined;
  if (!flags.every((flag) => flag === "TRUE" || flag === "FALSE")) return undefined;
  // Some programs write no time for a session cookie, or fractions of a second.
  if (!/^\d*(?:\.\d+)?$/.test(expires)) return undefined;
  // deno-lint-ignore no-control-regex -- what no field of HTTP may hold
  if (/[\x00-\x1f\x7f;]/.test(name + value)) return undefined;
  return {
    name,
    value,
    domain: domain.replace(/^\./, "").toLowerCase(),
    includesSubdomains: includesSubdomains === "TRUE",
    path,
    isSecure: secure === "TRUE",
    expiresMs: Number(expires) === 0 ? Infinity : Number(expires) * 1000,
  };
}
