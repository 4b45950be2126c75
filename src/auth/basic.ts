import type { Credentials } from "./credentials.ts";

/** The value of `Authorization` or `Proxy-Authorization` for Basic credentials (RFC 7617). */
export function basicField({ username, password }: Credentials): string {
  return `Basic ${btoa(`${username}:${password}`)}`;
}

/** The credentials in such a value; `undefined` when it is malformed or has another scheme. */
export function basicCredentials(field: string): Credentials | undefined {
  const [, encoded] = /^Basic +([A-Za-z\d+/]+=*)$/i.exec(field) ?? [];
  if (encoded === undefined || encoded.replace(/=+$/, "").length % 4 === 1) return undefined;
  const text = atob(encoded.replace(/=+$/, ""));
  const colon = text.indexOf(":");
  return colon < 0 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1) };
}
