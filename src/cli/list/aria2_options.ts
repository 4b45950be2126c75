/**
 * Options that aria2 reads in a list or writes into a session file, and that have no meaning here: what they are about
 * does not exist, is always so, or is for flags alone, as a list that others wrote must not read files of this machine.
 */
const UNUSED_OPTIONS: ReadonlySet<string> = new Set([
  ...["allow-piece-length-change", "always-resume", "async-dns", "auto-file-renaming", "check-integrity"],
  ...["conditional-get", "content-disposition-default-utf8", "enable-http-keep-alive"],
  ...["enable-http-pipelining", "enable-mmap", "follow-metalink", "follow-torrent", "force-save", "gid"],
  ...["http-accept-gzip", "http-auth-challenge", "http-no-cache", "index-out", "load-cookies"],
  ...["lowest-speed-limit", "max-file-not-found", "max-mmap-limit", "max-resume-failure-tries"],
  ...["max-upload-limit", "no-file-allocation-limit", "no-netrc", "no-want-digest-header", "pause"],
  ...["pause-metadata", "proxy-method", "realtime-chunk-checksum", "remote-time", "remove-control-file"],
  ...["reuse-uri", "rpc-save-upload-metadata", "save-not-found", "seed-ratio", "seed-time", "select-file"],
  ...["server-stat-of", "server-stat-if", "ssh-host-key-md", "stream-piece-selector", "uri-selector"],
  ...["use-head"],
]);

/** Options about protocols that are not spoken here. */
const UNUSED_KINDS = /^(?:bt|ftp|metalink|enable-peer|dht)-[a-z-]+$/;

/** Whether an option of aria2's changes nothing here. */
export function isUnused(name: string): boolean {
  return UNUSED_OPTIONS.has(name) || UNUSED_KINDS.test(name);
}

/** What would be fetched otherwise than asked, or not at all, where one of these is `true`. */
export const CHANGING_OPTIONS: ReadonlySet<string> = new Set([
  "dry-run",
  "hash-check-only",
  "parameterized-uri",
]);
