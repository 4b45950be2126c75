/** How the library speaks of what flags set, and how the command does. */
export const FLAG_NAMES: Readonly<Record<string, string>> = {
  "outputPath": "--output",
  "outputDir": "--dir",
  "use checksum": "use --checksum",
  "use checksumFile": "use --checksum-file",
  "sent nowhere; use headers": "sent nowhere; use --header",
  "give checksum or checksumFile": "use --checksum or --checksum-file",
  "use bearerToken": "use --bearer",
  "use netrc": "use --netrc",
  "noProxy": "--no-proxy",
  "option checksum": "--checksum",
  "option checksumFile": "--checksum-file",
  "ask to overwrite": "use --overwrite",
  "ask to rename": "use --rename",
  "turn resume off": "use --no-resume",
  "with resume off": "with --no-resume",
  "set contentEncoding to keep it": "use --keep-encoding to keep it",
  "turn publishedDigest off": "use --no-published-digest",
  "refresh failed": "--refresh-cmd failed",
};

/**
 * A message of the library in the words of the command. `files` adds what options hold the contents of a file. What
 * stands in quotation marks, or is a URL, is not the library's own, and stays.
 */
export function inFlags(message: string, files: Readonly<Record<string, string>> = {}): string {
  const names = { ...FLAG_NAMES, ...files };
  const words = Object.keys(names).map((name) => RegExp.escape(name)).join("|");
  return message.replace(
    new RegExp(`"[^"]*"|://\\S*|\\b(?:${words})\\b`, "g"),
    (found) => names[found] ?? found,
  );
}
