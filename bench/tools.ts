/** The downloaders and their command lines: their own defaults, and only the settings of the job. */
import { spawnSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

const CLI = fileURLToPath(new URL("../cli.ts", import.meta.url));
const RUST_SCRIPT = fileURLToPath(new URL("rust_peer.py", import.meta.url));
const VERSION_TIMEOUT_MS = 20_000;

/** The command of each runtime, without the script. A Node.js that is too old for the command counts as missing. */
export const RUNTIMES = { deno: [process.execPath, "run", "-A"], bun: ["bun"], node: ["node"] } as const;

/** The names with which all others are compared. */
export const OURS = { deno: "bytehaul (deno)", bun: "bytehaul (bun)", node: "bytehaul (node)" } as const;

/** One file to fetch. */
export interface Job {
  readonly url: string;
  /** An existing directory. */
  readonly dir: string;
  /** Name of the file in it. */
  readonly file: string;
  readonly connections: number;
  /** Expected SHA-256 of the file, in hexadecimal digits. */
  readonly sha256?: string;
  /** An authority to trust. */
  readonly caCert?: string | undefined;
  /** Whether to resume an earlier run. */
  readonly isResume?: boolean;
}

/** Many files to fetch, with the names in their URLs. */
export interface ListJob {
  /** A file with a URL on each line. */
  readonly list: string;
  /** The same for curl: a configuration with a URL and an output for each file. */
  readonly curlConfig: string;
  /** An existing directory. */
  readonly dir: string;
  readonly atOnce: number;
}

/** A downloader. */
export interface Tool {
  readonly name: string;
  readonly versionCommand: readonly string[];
  readonly command: (job: Job) => string[];
  /** `undefined` for a tool without lists. */
  readonly listCommand?: (job: ListJob) => string[];
  /** Whether it fetches one file over several connections. */
  readonly hasConnections: boolean;
  /** Whether it can check a SHA-256. */
  readonly verifies: boolean;
  /** Whether it has an option for a certificate authority. */
  readonly trusts: boolean;
  /** Whether it can resume after it was killed. */
  readonly resumes: boolean;
}

/** An installed downloader. */
export interface FoundTool extends Tool {
  readonly version: string;
}

function given(value: string | undefined, format: (value: string) => readonly string[]): readonly string[] {
  return value === undefined ? [] : format(value);
}

function bytehaul(name: string, runtime: readonly string[]): Tool {
  return {
    name,
    versionCommand: [...runtime, CLI, "--version"],
    command: ({ url, dir, file, connections, sha256, caCert }) => [
      ...[...runtime, CLI, "-q", "-x", `${connections}`, "-o", `${dir}/${file}`],
      ...given(sha256, (it) => ["--checksum", `sha256:${it}`]),
      ...given(caCert, (it) => ["--cacert", it]),
      url,
    ],
    listCommand: ({ list, dir, atOnce }) => [...runtime, CLI, "-q", `-j${atOnce}`, "-d", dir, "-i", list],
    hasConnections: true,
    verifies: true,
    trusts: true,
    resumes: true,
  };
}

const aria2: Tool = {
  name: "aria2c",
  versionCommand: ["aria2c", "--version"],
  command: ({ url, dir, file, connections, sha256, caCert, isResume }) => [
    ...["aria2c", "--no-conf", "-q", `-x${connections}`, `-s${connections}`, "-d", dir, "-o", file],
    ...(isResume ? ["-c"] : []),
    ...given(sha256, (it) => [`--checksum=sha-256=${it}`]),
    ...given(caCert, (it) => [`--ca-certificate=${it}`]),
    url,
  ],
  listCommand: ({ list, dir, atOnce }) => ["aria2c", "--no-conf", "-q", `-j${atOnce}`, "-d", dir, "-i", list],
  hasConnections: true,
  verifies: true,
  trusts: true,
  resumes: true,
};

const curl: Tool = {
  name: "curl",
  versionCommand: ["curl", "--version"],
  command: ({ url, dir, file, caCert, isResume }) => [
    ...["curl", "-q", "-sS", "--fail", "-o", `${dir}/${file}`],
    ...(isResume ? ["-C", "-"] : []),
    ...given(caCert, (it) => ["--cacert", it]),
    url,
  ],
  listCommand: ({ curlConfig, dir, atOnce }) => [
    ...["curl", "-q", "-sS", "--fail", "--parallel", "--parallel-max", `${atOnce}`],
    ...["--output-dir", dir, "-K", curlConfig],
  ],
  hasConnections: false,
  verifies: false,
  trusts: true,
  resumes: true,
};

function wget(program: string, listFlags: (atOnce: number) => readonly string[]): Tool {
  return {
    name: program,
    versionCommand: [program, "--version"],
    command: ({ url, dir, file, caCert, isResume }) => [
      ...[program, "--no-config", "-q", "-O", `${dir}/${file}`],
      ...(isResume ? ["-c"] : []),
      ...given(caCert, (it) => [`--ca-certificate=${it}`]),
      url,
    ],
    listCommand: ({ list, dir, atOnce }) => [
      ...[program, "--no-config", "-q", ...listFlags(atOnce), "-P", dir, "-i", list],
    ],
    hasConnections: false,
    verifies: false,
    trusts: true,
    resumes: true,
  };
}

const wget2 = wget("wget2", (atOnce) => [`--max-threads=${atOnce}`]);
const wget1 = wget("wget", () => []);

const axel: Tool = {
  name: "axel",
  versionCommand: ["axel", "--version"],
  command: (
    { url, dir, file, connections },
  ) => ["axel", "-q", "-n", `${connections}`, "-o", `${dir}/${file}`, url],
  hasConnections: true,
  verifies: false,
  trusts: false,
  resumes: false,
};

function rust(python: string): Tool {
  return {
    name: "bytehaul (rust)",
    versionCommand: [python, RUST_SCRIPT, "version"],
    command: ({ url, dir, file, connections, sha256, caCert }) => {
      const job = {
        url,
        output_dir: dir,
        output_path: file,
        max_connections: connections,
        checksum_sha256: sha256,
        ca_info: caCert,
      };
      return [python, RUST_SCRIPT, "one", JSON.stringify(job)];
    },
    listCommand: ({ list, dir, atOnce }) => [python, RUST_SCRIPT, "many", list, dir, `${atOnce}`],
    hasConnections: true,
    verifies: true,
    trusts: true,
    resumes: true,
  };
}

/** The installed downloaders. */
export function findTools(): FoundTool[] {
  const ask = ([program, ...args]: readonly string[]): string => {
    const { status, stdout } = spawnSync(program!, args, { encoding: "utf8", timeout: VERSION_TIMEOUT_MS });
    return status === 0 ? stdout : "";
  };
  // `python3` may be a script that starts the real program.
  const python = ask(["python3", "-c", "import sys; print(sys.executable)"]).trim();
  const all = [
    bytehaul(OURS.deno, RUNTIMES.deno),
    bytehaul(OURS.bun, RUNTIMES.bun),
    bytehaul(OURS.node, RUNTIMES.node),
    ...[aria2, curl, wget2, wget1, axel],
    ...(python === "" ? [] : [rust(python)]),
  ];
  const found = all.flatMap((tool) => {
    const version = /\d+\.\d+[.\d]*/.exec(ask(tool.versionCommand))?.[0];
    return version === undefined ? [] : [{ ...tool, version }];
  });
  const hasWget2 = found.some(({ name }) => name === wget2.name);
  return found.filter(({ name }) => name !== wget1.name || !hasWget2);
}
