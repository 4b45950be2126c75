import { toByteString } from "./byte_string.ts";

/** User name and password as HTTP sends them: bytes of UTF-8, each as one character. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** The credentials of a user whose name and password are text. */
export function toCredentials(username: string, password: string): Credentials {
  return { username: toByteString(username), password: toByteString(password) };
}
