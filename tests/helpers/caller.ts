import { Caller, type CallerFields } from "../../src/http/caller/caller.ts";

/** A caller who gave these fields for `url`, and nothing else. */
export function callerWith(
  headers: Headers,
  fields: Partial<CallerFields> = {},
  url = "https://a.example/file",
): Caller {
  return new Caller({ headers, cookies: [], netrc: [], ...fields }, url);
}
