import { Buffer } from "node:buffer";
import type { Hop, OddCase } from "./oddities_case.ts";

/** A redirect, ready to be sent. */
export interface Step {
  /** The target that it answers. */
  readonly target: string;
  readonly hop: Hop;
  /** Lines with where it leads; a character is a byte. */
  readonly locations: readonly string[];
}

/** The way to the file. */
export interface Way {
  /** Where a download begins. */
  readonly first: string;
  readonly steps: readonly Step[];
  /** The target of the file. */
  readonly file: string;
}

/** Works out the way through the redirects of `odd` at `origin`. */
export function makeWay(odd: OddCase, origin: string): Way {
  const { redirects = [], encoding } = odd;
  const path = odd.path ?? `/file${encoding?.suffix ?? ".bin"}`;
  const first = redirects.length === 0 ? path : `/from/out${encoding?.suffix === undefined ? ".bin" : ""}`;
  const steps: Step[] = [];
  let target = first;
  for (const [index, hop] of redirects.entries()) {
    const next = index === redirects.length - 1 ? path : `/hop${index + 1}`;
    const location = locationOf(hop, next, origin);
    const name = hop.form === "lower name" ? "location" : "Location";
    const line = `${name}: ${Buffer.from(location).toString("latin1")}`;
    steps.push({ target, hop, locations: hop.form === "twice" ? [line, line] : [line] });
    target = resolve(location, origin, target);
  }
  return { first, steps, file: target };
}

function locationOf({ form }: Hop, target: string, origin: string): string {
  // What begins with two slashes would be a host.
  const next = target.startsWith("//") && isPath(form) ? origin + target : target;
  switch (form) {
    case "absolute":
      return origin + next;
    case "blanks":
      return ` \t${next}  `;
    case "double slash":
      return `${origin}//bucket/${next}`;
    case "fragment":
      return `${next}#part-2`;
    case "no scheme":
      return origin.replace("http:", "") + next;
    case "query":
      return `?to=${encodeURIComponent(next).replaceAll("'", "%27")}`;
    case "raw UTF-8":
      return `/é–ü${next}`;
    case "relative":
      return `deeper/../x${next}`;
    case "space":
      return `/a b${next}`;
    case "upper scheme":
      return origin.replace("http:", "HTTP:") + next;
    case "lower name":
    case "twice":
    case undefined:
      return next;
  }
}

function isPath(form: Hop["form"]): boolean {
  return form === undefined || ["blanks", "fragment", "lower name", "twice"].includes(form);
}

function resolve(location: string, origin: string, target: string): string {
  const { pathname, search } = new URL(location.trim(), origin + target);
  return pathname + search;
}

/** A target such that two of them are equal if only the case of their escapes differs. */
export function normalTarget(target: string): string {
  return target.replace(/%[0-9a-f]{2}/gi, (escape) => escape.toUpperCase());
}
