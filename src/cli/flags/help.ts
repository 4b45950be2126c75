import { VERSION } from "../../version.ts";
import type { Flag } from "./flag.ts";
import { FLAG_GROUPS } from "./flags.ts";

const WIDTH = 80;
const INDENT = 31;

/** What `--help` shows. */
export function helpText(): string {
  const groups = FLAG_GROUPS.map(({ title, flags }) => `${title}:\n${flags.map(describe).join("")}`);
  return `bytehaul ${VERSION} fetches files over several connections and resumes what was
interrupted. A file gets its name only when every byte was received.

Usage: bytehaul [options] URL...
       bytehaul [options] -i LIST [URL...]
       bytehaul verify [--checksum ALGO:HEX | --checksum-file LIST] [FILE...]

${groups.join("\n")}
SIZE and RATE are bytes, or take k, M, G or T (of 1024): 500k, 1.5M, 2GiB.
S is seconds: 30 or 0.5. A flag's value may follow "=", and "--" ends the flags.

Secrets need not be on the command line. The value of --header, --user,
--bearer, --proxy, --http-proxy or --https-proxy may be read from a file
(@FILE), from standard input (@-) or from the environment (@env:NAME).

Without --proxy, --http-proxy and --https-proxy the proxies are those of
HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY.

Without --checksum and --checksum-file a file is compared with the digest that
the server sends, if it sends one.

The command "verify" checks existing files and changes nothing. With
--checksum-file and no FILE it checks every file that the list names, in the
directory of the list. Without a checksum it reports how many bytes of an
unfinished download are right. It also accepts --quiet and --json.

The COMMAND of --refresh-cmd runs when the server answers 401, 403, 404 or 410.
COMMAND finds this status in the variable BYTEHAUL_STATUS. It prints the new URL
on its first line. On further lines it may print header fields, "Name: value".

A list (-i) has the format of aria2. Each file has a line with its URL, or with
several URLs separated by tabs. If one URL fails, the next one is tried. Lines
that start with a blank set options of the file above them: out, dir,
checksum, header, referer, user-agent, connections (max-connection-per-server,
split), limit-rate (max-download-limit), retries (max-tries, which counts the
first request, too), overwrite, continue, keep-encoding and no-published-digest
(true or false), http-user, http-passwd, all-proxy, http-proxy, https-proxy,
no-proxy, and these flags: checksum-file, piece-size (piece-length),
min-split-size, min-segment-size, max-segment-size, memory-budget,
file-allocation, save-interval, retry-delay (retry-wait), retry-max-delay,
max-retry-time, connect-timeout, read-timeout (timeout). Other options of aria2
have no effect and are reported. A line that starts with # is a comment. The
list is UTF-8 or UTF-16, and is read while files are fetched. If two files have
the same name, the second one is refused. With --rename it gets a number.

With --json each line is an object with a "type". The lines about a download
also have its "url", its "index", which counts from 0, and its "line" in the
list:
  progress  state, path, downloaded, total, speed, etaSeconds, connections,
            elapsedMs, retry
  result    path, size, fetchedBytes, resumedBytes, lengthVerified, checksum,
            checksumSource, elapsedMs
  error     code, message, retryable, path, status
  skipped   path; with --skip-existing
These lines have no "url":
  log       level, message; with --verbose
  error     code "usage", message, retryable; for wrong usage (exit status 2)
With verify, lines have the "path" and no "url":
  progress  checked, total
  result    source, matches, size, and either expected, actual, or provenBytes,
            wrongBytes, missingBytes, wrongRanges
  error     code, message, retryable
Unknown values are left out. Sizes are in bytes, speed in bytes a second. Errors
are also written to standard error, as text.

Examples:
  bytehaul https://example.com/disk.iso
      fetch it into this directory; the same command again resumes it
  bytehaul -x 8 -l 5M -o disk.iso https://example.com/latest
      8 connections, 5 MiB a second, saved as disk.iso
  bytehaul -d models -j 2 https://example.com/a.bin https://example.com/b.bin
      several files, two at a time, into the directory models
  bytehaul -j 16 --skip-existing -i urls.txt
      the files of a list that do not exist yet, 16 at a time
  bytehaul --checksum sha256:9f86... https://example.com/tool.tar.gz
      give the file its name only when its checksum matches
  bytehaul --checksum-file https://example.com/SHA256SUMS https://example.com/a
      the same with the checksum from a list that the server publishes
  bytehaul verify --checksum-file SHA256SUMS
      check every file of the list
  bytehaul -u me --proxy socks5h://127.0.0.1:1080 https://example.com/a.bin
      as user "me" with the password in BYTEHAUL_PASSWORD, through a proxy
  bytehaul --json https://example.com/a | jq -r 'select(.type=="result").path'
      report to another program

Exit status:
  0    every file is complete; with verify, every file is right
  1    a download failed; with verify, a file is wrong or cannot be read
  2    wrong usage, such as an unknown flag; nothing was fetched
  130  interrupted (Ctrl+C, SIGTERM, or the terminal was closed): progress is
       saved, and the command to resume is shown; a second Ctrl+C exits
       immediately. Under nohup a closed terminal interrupts nothing
`;
}

function describe({ name, short, placeholder, help, otherwise }: Flag): string {
  const dashes = `${short === undefined ? "   " : `-${short},`} --${name}`;
  const left = `  ${placeholder === undefined ? dashes : `${dashes} ${placeholder}`}`.padEnd(INDENT);
  const text = otherwise === undefined ? help : `${help} (default ${otherwise})`;
  return wrap(text, WIDTH - INDENT).map((line, index) =>
    (index === 0 ? left : " ".repeat(INDENT)) + line + "\n"
  )
    .join("");
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  // "(default 4)" at the end is not split.
  for (const word of text.split(/ (?![^()]*\)$)/)) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
