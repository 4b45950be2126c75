/**
 * Options that aria2 reads in a list or writes into a session file, and that have no effect here. They concern
 * something that does not exist here, or that is always so, or that only flags may set: a list from elsewhere must
 * not read files of this machine.
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

/** Options about protocols that bytehaul does not support. */
const UNUSED_KINDS = /^(?:bt|ftp|metalink|enable-peer|dht)-[a-z-]+$/;

/** Whether an option of aria2 has no effect here. */
export function isUnused(name: string): boolean {
  return UNUSED_OPTIONS.has(name) || UNUSED_KINDS.test(name);
}

/** Options that must not be ignored when they are `true`: the wrong file, or none, would be fetched. */
export const CHANGING_OPTIONS: ReadonlySet<string> = new Set([
  "dry-run",
  "hash-check-only",
  "parameterized-uri",
]);
