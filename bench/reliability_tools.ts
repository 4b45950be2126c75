import { spawnSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

const CLI = fileURLToPath(new URL("../cli.ts", import.meta.url));

/** A file that a downloader fetches. */
export interface Job {
  readonly url: string;
  /** An empty directory, in which the command runs. */
  readonly dir: string;
  /** Whether the server names the file; otherwise it is `out.bin`, as in the URL. */
  readonly isNamedByServer?: boolean;
  readonly headers?: readonly string[];
  /** An authority to trust. */
  readonly caCert?: string;
  /** SHA-256 of the file, in hexadecimal digits, for tools that compare. */
  readonly sha256?: string;
  /** Whether to preallocate the file, if the tool can. */
  readonly isPreallocated?: boolean;
}

/** A downloader, with the flags that a careful user gives it. */
export interface Tool {
  readonly name: string;
  readonly versionCommand: readonly string[];
  /** The command line for a job: with resume, and with several connections if the tool supports them. */
  readonly command: (job: Job) => string[];
  /** Suffix of its state file beside `out.bin`, if it has one. */
  readonly stateSuffix?: string;
  /** Whether it uses HTTP/1.0, which has no chunks. */
  readonly isHttp10?: boolean;
  /** Edits a state so that it claims missing data: sets bits or moves an offset. */
  readonly overclaim?: (state: Uint8Array) => void;
}

function each(flag: string, values: readonly string[] = []): string[] {
  return values.flatMap((value) => [flag, value]);
}

function bytehaul(name: string, runtime: readonly string[]): Tool {
  return {
    name,
    versionCommand: [...runtime, CLI, "--version"],
    command: ({ url, dir, isNamedByServer, headers, caCert, sha256, isPreallocated }) => [
      ...[...runtime, CLI, "-q", "-x", "4", "--min-split-size", "1M", "--save-interval", "1"],
      ...["--retries", "3", "--retry-delay", "0.5", "--connect-timeout", "3", "--read-timeout", "3"],
      ...(isNamedByServer ? ["-d", dir] : ["-o", `${dir}/out.bin`]),
      ...each("-H", headers),
      ...(caCert === undefined ? [] : ["--cacert", caCert]),
      ...(sha256 === undefined ? [] : ["--checksum", `sha256:${sha256}`]),
      ...(isPreallocated ? ["--file-allocation", "prealloc"] : []),
      url,
    ],
    stateSuffix: ".bytehaul",
    overclaim: (state) => {
      const bitmap = 24 + new DataView(state.buffer, state.byteOffset).getUint32(12);
      state[bitmap]! |= 0x0f;
    },
  };
}

const aria2: Tool = {
  name: "aria2",
  versionCommand: ["aria2c", "--version"],
  command: ({ url, dir, isNamedByServer, headers, caCert, sha256, isPreallocated }) => [
    ...["aria2c", "--no-conf", "-q", "-c", "-x4", "-s4", "-k1M", "--auto-save-interval=1"],
    ...["--max-tries=4", "--retry-wait=1", "--connect-timeout=3", "--timeout=3"],
    ...["--auto-file-renaming=false", `--file-allocation=${isPreallocated ? "falloc" : "none"}`, "-d", dir],
    ...(isNamedByServer ? [] : ["-o", "out.bin"]),
    ...each("--header", headers),
    ...(caCert === undefined ? [] : [`--ca-certificate=${caCert}`]),
    ...(sha256 === undefined ? [] : [`--checksum=sha-256=${sha256}`]),
    url,
  ],
  stateSuffix: ".aria2",
  // The bit field follows version, extension, empty info hash, piece length, two totals and its own length.
  overclaim: (state) => {
    state[34]! |= 0xf0;
  },
};

const curl: Tool = {
  name: "curl",
  versionCommand: ["curl", "--version"],
  command: ({ url, dir, isNamedByServer, headers, caCert }) => [
    ...["curl", "-q", "-sS", "--fail", "-L", "--retry", "3", "--retry-delay", "1", "--retry-all-errors"],
    ...["--connect-timeout", "3", "--speed-limit", "1", "--speed-time", "3", "--output-dir", dir],
    // It refuses to resume when the server names the file.
    ...(isNamedByServer ? ["-O", "-J"] : ["-C", "-", "-o", "out.bin"]),
    ...each("-H", headers),
    ...(caCert === undefined ? [] : ["--cacert", caCert]),
    url,
  ],
};

const wget: Tool = {
  name: "wget",
  versionCommand: ["wget", "--version"],
  command: ({ url, dir, isNamedByServer, headers, caCert }) => [
    ...["wget", "--no-config", "--no-hsts", "-q", "-c", "--tries=4", "--waitretry=1", "--timeout=3"],
    ...["--retry-on-http-error=429,500,502,503,504"],
    ...["-P", dir, ...(isNamedByServer ? ["--content-disposition"] : [])],
    ...each("--header", headers),
    ...(caCert === undefined ? [] : [`--ca-certificate=${caCert}`]),
    url,
  ],
};

const wget2: Tool = {
  name: "wget2",
  versionCommand: ["wget2", "--version"],
  command: ({ url, dir, isNamedByServer, headers, caCert }) => [
    ...["wget2", "--no-config", "--no-hsts", "-q", "-c", "--tries=4", "--waitretry=1", "--timeout=3"],
    // With -c and --chunk-size it sends the ranges of both, and never ends.
    ...["-P", dir, ...(isNamedByServer ? ["--content-disposition"] : [])],
    ...each("--header", headers),
    ...(caCert === undefined ? [] : [`--ca-certificate=${caCert}`]),
    url,
  ],
};

const axel: Tool = {
  name: "axel",
  versionCommand: ["axel", "--version"],
  command: ({ url, isNamedByServer, headers, caCert }) => [
    ...["axel", "-q", "-n", "4", "-T", "3", ...(isNamedByServer ? [] : ["-o", "out.bin"])],
    ...each("-H", headers),
    // It has no flag for a certificate authority.
    ...(caCert === undefined ? [] : ["--insecure"]),
    url,
  ],
  isHttp10: true,
  stateSuffix: ".st",
  // The number of connections is followed by the bytes done and the offset that the first connection has
  // reached.
  overclaim: (state) => {
    const view = new DataView(state.buffer, state.byteOffset);
    for (const at of [2, 10]) view.setBigInt64(at, view.getBigInt64(at, true) + 100_000n, true);
  },
};

const TOOLS: readonly Tool[] = [
  bytehaul("bytehaul (Deno)", [process.execPath, "run", "-A"]),
  bytehaul("bytehaul (Bun)", ["bun"]),
  bytehaul("bytehaul (Node)", ["node"]),
  aria2,
  curl,
  wget,
  wget2,
  axel,
];

/** The installed tools, each with its version, and the names of the missing ones. */
export function findTools(): { found: { tool: Tool; version: string }[]; missing: string[] } {
  const found: { tool: Tool; version: string }[] = [];
  const missing: string[] = [];
  for (const tool of TOOLS) {
    const [program, ...args] = tool.versionCommand;
    const { stdout } = spawnSync(program!, args, { encoding: "utf8", timeout: 20_000 });
    const version = /\d+\.\d+[.\d]*/.exec(stdout ?? "")?.[0];
    if (version === undefined) missing.push(tool.name);
    else found.push({ tool, version });
  }
  return { found, missing };
}
