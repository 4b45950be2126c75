import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, writeFile } from "node:fs/promises";
import { type Daemon, findProgram, freePort, startDaemon } from "./daemon.ts";
import type { TemporaryDirectory } from "../temp.ts";

const REALM = "the realm";
const APACHE = ["/usr/sbin/apache2", "apache2", "httpd"];
const LIGHTTPD = ["/usr/sbin/lighttpd", "lighttpd"];
const SQUID = ["/usr/sbin/squid", "squid"];
const SQUID_HELPER = "/usr/lib/squid/digest_file_auth";
const MODULES = ["mpm_event", "authn_core", "authn_file", "authz_core", "authz_user", "auth_digest"];

/** Who may have the files of `root`, and where everything else goes. */
export interface DigestServerOptions {
  readonly dir: TemporaryDirectory;
  readonly root: string;
  readonly user: string;
  readonly password: string;
}

/** A server of a Debian package that asks for Digest. */
export interface DigestServer extends AsyncDisposable {
  /** Scheme, host and port; append `/name`. */
  readonly origin: string;
}

/** Which of the servers are installed. */
export async function findDigestServers(): Promise<
  Readonly<Record<"apache" | "lighttpd" | "squid", string | undefined>>
> {
  return {
    apache: await findProgram(APACHE),
    lighttpd: await findProgram(LIGHTTPD),
    squid: existsSync(SQUID_HELPER) ? await findProgram(SQUID) : undefined,
  };
}

/** Starts Apache; a nonce is good for `lifetimeSeconds`. */
export async function startApacheDigest(
  program: string,
  { dir, root, user, password }: DigestServerOptions,
  lifetimeSeconds: number,
): Promise<DigestServer> {
  const port = await freePort();
  const users = await writeUsers(dir, user, password, ["md5"]);
  const config = dir.join("apache.conf");
  const lines = [
    ...MODULES.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`),
    `Listen 127.0.0.1:${port}`,
    `ServerName localhost`,
    `PidFile ${dir.join("apache.pid")}`,
    `DefaultRuntimeDir ${dir.path}`,
    `Mutex file:${dir.path} default`,
    `ErrorLog ${dir.join("apache.log")}`,
    `DocumentRoot ${root}`,
    `<Directory ${root}>`,
    "AuthType Digest",
    `AuthName "${REALM}"`,
    `AuthUserFile ${users}`,
    `AuthDigestNonceLifetime ${lifetimeSeconds}`,
    "Require valid-user",
    "</Directory>",
  ];
  await writeFile(config, `${lines.join("\n")}\n`);
  return serve(await startDaemon(program, ["-D", "FOREGROUND", "-f", config], port), port);
}

/** Starts lighttpd, which knows these algorithms. */
export async function startLighttpdDigest(
  program: string,
  { dir, root, user, password }: DigestServerOptions,
  algorithms: readonly ("MD5" | "SHA-256")[],
): Promise<DigestServer> {
  const port = await freePort();
  const users = await writeUsers(
    dir,
    user,
    password,
    algorithms.map((it) => it === "MD5" ? "md5" : "sha256"),
  );
  const config = dir.join("lighttpd.conf");
  await writeFile(
    config,
    `server.modules = ("mod_auth", "mod_authn_file")
server.bind = "127.0.0.1"
server.port = ${port}
server.document-root = "${root}"
server.errorlog = "${dir.join("lighttpd.log")}"
auth.backend = "htdigest"
auth.backend.htdigest.userfile = "${users}"
auth.require = ("/" => ("method" => "digest", "algorithm" => "${algorithms.join("|")}", "realm" => "${REALM}",
  "require" => "valid-user"))
`,
  );
  return serve(await startDaemon(program, ["-D", "-f", config], port), port);
}

/** Starts squid, a proxy that forwards and opens tunnels; a nonce is good for `requests`. */
export async function startSquidDigest(
  program: string,
  { dir, user, password }: Omit<DigestServerOptions, "root">,
  requests: number,
): Promise<DigestServer> {
  const port = await freePort();
  const users = await writeUsers(dir, user, password, ["md5"]);
  const config = dir.join("squid.conf");
  const lines = [
    `http_port 127.0.0.1:${port}`,
    `auth_param digest program ${SQUID_HELPER} -c ${users}`,
    `auth_param digest realm ${REALM}`,
    `auth_param digest nonce_max_count ${requests}`,
    ...["acl known proxy_auth REQUIRED", "http_access allow known", "http_access deny all"],
    ...["cache deny all", "cache_mem 1 MB", "max_filedescriptors 1024", "visible_hostname localhost"],
    ...["shutdown_lifetime 0 seconds", "access_log none", "cache_log stdio:/dev/null", "pid_filename none"],
    `coredump_dir ${dir.path}`,
  ];
  await writeFile(config, `${lines.join("\n")}\n`);
  return serve(await startDaemon(program, ["-N", "-f", config], port), port);
}

function serve(daemon: Daemon, port: number): DigestServer {
  return {
    origin: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => daemon.stop(),
  };
}

/** A file of users as htdigest writes it; others may enter the directory, since servers give up root's rights. */
async function writeUsers(
  dir: TemporaryDirectory,
  user: string,
  password: string,
  hashes: readonly string[],
): Promise<string> {
  const path = dir.join("users");
  const lines = hashes.map((hash) =>
    `${user}:${REALM}:${createHash(hash).update(`${user}:${REALM}:${password}`).digest("hex")}\n`
  );
  await writeFile(path, lines.join(""));
  await chmod(dir.path, 0o755);
  return path;
}
