/** What to use in place of flags of curl, wget and aria2, by their names without dashes. */
export const FOREIGN_FLAGS: Readonly<Record<string, string>> = {
  ...forAll("redirects are followed without a flag", "L", "location"),
  ...forAll("a download resumes without a flag", "c", "C", "continue", "continue-at"),
  ...forAll("a file is fetched under its own name without a flag", "remote-name"),
  ...forAll("a file gets its own name without a flag; use --output for another one", "O"),
  ...forAll("use --output", "output-document", "out"),
  ...forAll("use --dir", "P", "directory-prefix", "output-dir"),
  ...forAll("use --skip-existing", "nc", "no-clobber"),
  ...forAll("use --overwrite", "allow-overwrite"),
  ...forAll("use --rename", "auto-file-renaming"),
  ...forAll("use --connections", "split", "max-connection-per-server"),
  ...forAll("use --max-concurrent", "parallel-max", "max-concurrent-downloads"),
  ...forAll("use --limit-rate", "max-download-limit", "max-overall-download-limit"),
  ...forAll("use --retries", "tries", "retry", "max-tries"),
  ...forAll("use --retry-delay", "retry-wait", "waitretry"),
  ...forAll("use --connect-timeout or --read-timeout", "timeout"),
  ...forAll("use --header 'User-Agent: NAME'", "A", "user-agent"),
  ...forAll("use --header 'Referer: URL'", "referer"),
  ...forAll("use --user", "http-user", "http-passwd", "http-password"),
  ...forAll("use --bearer", "oauth2-bearer"),
  ...forAll("use --cookie", "load-cookies"),
  ...forAll("use --proxy", "all-proxy", "socks5", "socks5-hostname"),
  ...forAll("use --dns", "dns-servers", "async-dns-server"),
  ...forAll("use --doh", "doh-url"),
  ...forAll("use --no-ipv6", "ipv4", "inet4-only", "disable-ipv6"),
  ...forAll("use --interface", "bind-address"),
  ...forAll("use --cacert", "ca-certificate"),
  ...forAll("use --insecure", "check-certificate", "no-check-certificate"),
  ...forAll("use --quiet", "silent"),
  ...forAll("use --connections (aria2's -s) or --quiet (curl's -s)", "s"),
  ...forAll("use --insecure (curl's -k) or --min-split-size (aria2's -k)", "k"),
};

function forAll(remedy: string, ...names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, remedy]));
}

/** What to use in place of a flag of another downloader, if `name` is one. */
export function remedyForForeign(name: string): string | undefined {
  return Object.hasOwn(FOREIGN_FLAGS, name) ? FOREIGN_FLAGS[name] : undefined;
}
