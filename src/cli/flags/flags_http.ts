import { type FlagGroup, toggle, valued } from "./flag.ts";
import { headerField, text } from "./flag_values.ts";

/** What is sent with requests, and what is made of the answers. */
export const HTTP_FLAGS: FlagGroup = {
  title: "HTTP",
  flags: [
    valued({
      name: "header",
      short: "H",
      placeholder: "'K: V'",
      help: "field to send with each request, not to another origin; may be repeated",
      secret: true,
      value: headerField,
      set: (draft, value) => draft.inputs.headers.push(value),
    }),
    valued({
      name: "user",
      short: "u",
      placeholder: "NAME[:PASS]",
      help: "basic authentication; without :PASS the password is taken from BYTEHAUL_PASSWORD",
      secret: true,
      value: text,
      set: (draft, value) => draft.inputs.user = value,
    }),
    valued({
      name: "bearer",
      placeholder: "TOKEN",
      help: "send Authorization: Bearer TOKEN",
      secret: true,
      value: text,
      set: (draft, value) => draft.inputs.bearer = value,
    }),
    toggle({
      name: "netrc",
      help: "take user and password of each host from ~/.netrc",
      set: (draft) => draft.inputs.netrc ??= "~",
    }),
    valued({
      name: "netrc-file",
      placeholder: "FILE",
      help: "as --netrc, from this file",
      value: text,
      set: (draft, value) => draft.inputs.netrc = value,
    }),
    valued({
      name: "cookie",
      placeholder: "COOKIES",
      help: "'NAME=VALUE; ...' for the hosts of the URLs, or a cookie file in the Netscape format",
      secret: true,
      value: text,
      set: (draft, value) => draft.inputs.cookies.push(value),
    }),
    toggle({
      name: "keep-encoding",
      help: "keep a file encoded that the server sends so, such as a page in gzip, instead of refusing it",
      set: (draft) => draft.specOptions.contentEncoding = "keep",
    }),
    toggle({
      name: "allow-downgrade",
      help: "follow redirects from https to http, too",
      set: (draft) => draft.specOptions.allowDowngrade = true,
    }),
    valued({
      name: "refresh-cmd",
      placeholder: "COMMAND",
      help: "for one URL: a shell command that prints a new one when it has expired, see below",
      secret: true,
      value: text,
      set: (draft, value) => draft.inputs.refreshCommand = value,
    }),
  ],
};
