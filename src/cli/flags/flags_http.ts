import { type FlagGroup, toggle, toggleOfFile, valued } from "./flag.ts";
import { headerField, text } from "./flag_values.ts";

/** How requests are sent and responses are handled. */
export const HTTP_FLAGS: FlagGroup = {
  title: "HTTP",
  flags: [
    valued({
      name: "header",
      short: "H",
      placeholder: "'K: V'",
      option: "headers",
      help: "field to send with each request to the URL's origin; may be repeated",
      secret: true,
      value: headerField,
      set: (draft, value) => draft.inputs.headers.push(value),
    }),
    valued({
      name: "user",
      short: "u",
      placeholder: "NAME[:PASS]",
      option: "username",
      help: "basic authentication; without :PASS the password is taken from BYTEHAUL_PASSWORD",
      secret: true,
      value: text,
      set: (draft, value) => draft.inputs.user = value,
    }),
    valued({
      name: "bearer",
      placeholder: "TOKEN",
      option: "bearerToken",
      help: "send Authorization: Bearer TOKEN",
      secret: true,
      value: text,
      set: (draft, value) => draft.inputs.bearer = value,
    }),
    toggle({
      name: "netrc",
      option: "netrc",
      help: "read the user and password of each host from ~/.netrc",
      set: (draft) => draft.inputs.netrc ??= "~",
    }),
    valued({
      name: "netrc-file",
      placeholder: "FILE",
      option: "netrc",
      help: "read them from FILE instead of ~/.netrc",
      value: text,
      set: (draft, value) => draft.inputs.netrc = value,
    }),
    valued({
      name: "cookie",
      placeholder: "COOKIES",
      option: "cookies",
      help: "'NAME=VALUE; ...' for the hosts of the URLs, or a cookie file in the Netscape format",
      secret: true,
      value: text,
      set: (draft, value) => draft.inputs.cookies.push(value),
    }),
    toggleOfFile({
      name: "keep-encoding",
      option: "contentEncoding",
      help:
        "save a file that the server sends encoded, such as a page in gzip, as it arrives instead of refusing it",
      value: "keep",
    }),
    toggleOfFile({
      name: "allow-downgrade",
      option: "allowDowngrade",
      help: "follow redirects from https to http, too",
      value: true,
    }),
    valued({
      name: "refresh-cmd",
      placeholder: "COMMAND",
      option: "refresh",
      help: "for one URL: a shell command that prints a new URL when the old one has expired, see below",
      secret: true,
      value: text,
      set: (draft, value) => draft.inputs.refreshCommand = value,
    }),
  ],
};
