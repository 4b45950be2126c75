import { COMMAND_DEFAULTS } from "../../options/defaults.ts";
import type { DownloaderOptions, DownloadSpec } from "../../options/options.ts";
import type { CliHost } from "../../runtime/console/console.ts";
import type { DownloadCommand } from "../flags/args.ts";
import type { Inputs, SpecOptions } from "../flags/draft.ts";
import { parseHeaderField } from "../flags/flag_values.ts";
import { refreshByCommand } from "../run/refresh_command.ts";
import { reasonOf, ValueReader } from "../flags/value_reader.ts";
import { UsageError } from "../flags/usage_error.ts";

/** A command line together with everything that was read for it. */
export interface CompleteCommand {
  readonly options: DownloaderOptions;
  /** The options of every URL. */
  readonly specOptions: SpecOptions;
  /** The flag and the file of each option whose value was read from a file. */
  readonly files: Readonly<Record<string, string>>;
}

/**
 * Reads files, the environment and standard input for a command. Throws a {@linkcode UsageError} for what cannot be
 * read.
 */
export async function readInputs(command: DownloadCommand, host: CliHost): Promise<CompleteCommand> {
  const { inputs, options, specOptions } = command;
  const reader = new ValueReader(host);
  await checkDirectory(specOptions.outputDir, host);
  const headers = await readHeaders(inputs, reader);
  const credentials = await readCredentials(inputs, reader);
  const cookies = await readCookies(inputs, reader);
  if (cookies.field !== undefined) headers.push(["Cookie", cookies.field]);
  if (inputs.inputFiles?.includes("-")) reader.claimStdin("--input-file", "-");
  return {
    options: { ...options, ...await readProxies(inputs, reader), ...await readTls(inputs, reader) },
    specOptions: {
      ...COMMAND_DEFAULTS,
      ...specOptions,
      ...credentials,
      ...(headers.length > 0 ? { headers } : {}),
      ...(cookies.file === undefined ? {} : { cookies: cookies.file }),
      ...(inputs.netrc === undefined ? {} : { netrc: await readNetrc(inputs.netrc, reader, host) }),
      ...(inputs.refreshCommand === undefined ? {} : { refresh: openRefresh(inputs.refreshCommand, host) }),
    },
    files: fileNames(inputs),
  };
}

/** Refuses a path that is no directory. Otherwise the first write into it would fail. */
async function checkDirectory(path: string | undefined, host: CliHost): Promise<void> {
  if (path === undefined) return;
  const info = await host.look(path).catch(() => undefined);
  if (info === undefined || info.kind === "directory") return;
  throw new UsageError(`Cannot use --dir ${JSON.stringify(path)}: it is not a directory`);
}

async function readHeaders({ headers }: Inputs, reader: ValueReader): Promise<[string, string][]> {
  const fields: [string, string][] = [];
  for (const value of headers) {
    const lines = (await reader.text("--header", value)).split(/\r?\n/).filter((line) => line !== "");
    for (const [index, line] of lines.entries()) {
      const field = parseHeaderField(line);
      if (field === undefined) {
        const place = `line ${index + 1} is not "Name: value"`;
        throw new UsageError(`Cannot use --header ${JSON.stringify(value)}: ${place}`);
      }
      fields.push(field);
    }
  }
  return fields;
}

type Credentials = Pick<DownloadSpec, "username" | "password" | "bearerToken">;

async function readCredentials({ user, bearer }: Inputs, reader: ValueReader): Promise<Credentials> {
  if (bearer !== undefined) return { bearerToken: await reader.line("--bearer", bearer) };
  if (user === undefined) return {};
  const given = await reader.line("--user", user);
  const colon = given.indexOf(":");
  if (colon >= 0) return { username: given.slice(0, colon), password: given.slice(colon + 1) };
  const password = reader.variable("--user", "BYTEHAUL_PASSWORD");
  if (password !== undefined) return { username: given, password };
  throw new UsageError(
    'Cannot use --user without a password: expected NAME:PASSWORD, "NAME:" where there is none, or BYTEHAUL_PASSWORD in the environment',
  );
}

async function readNetrc(given: string, reader: ValueReader, host: CliHost): Promise<string> {
  const flag = given === "~" ? "--netrc" : "--netrc-file";
  const path = given === "~" ? homeFile(reader) : given;
  const shown = `${flag} ${JSON.stringify(path)}`;
  const info = await host.look(path).catch((error: unknown) => {
    throw new UsageError(`Cannot use ${shown}: ${reasonOf(error)}`);
  });
  if (info?.mode !== undefined && (info.mode & 0o077) !== 0) {
    throw new UsageError(`Cannot use ${shown}: others may read it; run chmod 600 on it`);
  }
  return await reader.file(flag, path);
}

function homeFile(reader: ValueReader): string {
  const home = reader.variable("--netrc", "HOME") ?? reader.variable("--netrc", "USERPROFILE");
  if (home === undefined) {
    throw new UsageError("Cannot use --netrc: HOME is not set; use --netrc-file");
  }
  return `${home}/.netrc`;
}

/** As in curl: a value with an equals sign is data, any other is the path of a file. */
async function readCookies(
  { cookies }: Inputs,
  reader: ValueReader,
): Promise<{ readonly field?: string; readonly file?: string }> {
  const data = cookies.filter((value) => value.includes("="));
  if (data.length > 0 && data.length < cookies.length) {
    throw new UsageError("Cannot use --cookie for data and for a file: expected one of them");
  }
  const texts: string[] = [];
  for (const path of cookies.filter((value) => !value.includes("="))) {
    texts.push(await reader.file("--cookie", path));
  }
  return {
    ...(data.length > 0 ? { field: data.map((it) => it.replace(/;\s*$/, "")).join("; ") } : {}),
    ...(texts.length > 0 ? { file: texts.join("\n") } : {}),
  };
}

async function readProxies({ proxies }: Inputs, reader: ValueReader): Promise<Inputs["proxies"]> {
  const { allProxy, httpProxy, httpsProxy } = proxies;
  return {
    ...(allProxy === undefined ? {} : { allProxy: await reader.line("--proxy", allProxy) }),
    ...(httpProxy === undefined ? {} : { httpProxy: await reader.line("--http-proxy", httpProxy) }),
    ...(httpsProxy === undefined ? {} : { httpsProxy: await reader.line("--https-proxy", httpsProxy) }),
  };
}

async function readTls(
  { ca, cert, key, insecure }: Inputs,
  reader: ValueReader,
): Promise<Pick<DownloaderOptions, "tls">> {
  if (ca === undefined && cert === undefined && !insecure) return {};
  return {
    tls: {
      ...(ca === undefined ? {} : { ca: await reader.file("--cacert", ca) }),
      ...(cert === undefined ? {} : { cert: await reader.file("--cert", cert) }),
      ...(key === undefined ? {} : { key: await reader.file("--key", key) }),
      ...(insecure ? { insecure } : {}),
    },
  };
}

function openRefresh(command: string, host: CliHost): ReturnType<typeof refreshByCommand> {
  try {
    return refreshByCommand(command, host.openShell());
  } catch (error) {
    throw new UsageError(`Cannot use --refresh-cmd: ${reasonOf(error)}`);
  }
}

function fileNames({ ca, cert, key, cookies, netrc }: Inputs): Record<string, string> {
  const files = { "tls.ca": ["--cacert", ca], "tls.cert": ["--cert", cert], "tls.key": ["--key", key] };
  const jar = cookies.find((value) => !value.includes("="));
  const named = Object.entries({
    ...files,
    "cookies": ["--cookie", jar],
    "netrc": ["--netrc-file", netrc === "~" ? undefined : netrc],
  });
  return Object.fromEntries(
    named.filter(([, [, path]]) => path !== undefined)
      .map(([option, [flag, path]]) => [option, `${flag} ${JSON.stringify(path)}`]),
  );
}
