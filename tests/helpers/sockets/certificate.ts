import { execFile, spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** For tests that need certificates. */
export const WITH_OPENSSL = {
  skip: spawnSync("openssl", ["version"]).error !== undefined && "openssl is not installed",
};

const TIMEOUT_MS = 20_000;
const DAYS = 2;
const DAY_MS = 24 * 60 * 60 * 1000;
/** Days from now until a certificate begins to be valid. */
const START_DAYS = { now: -1, past: -3, future: 1 } as const;

/** Paths of PEM files. */
export interface Certificate {
  /** The authority's certificate, which the other side has to trust. */
  readonly caCert: string;
  /** The certificate of a server or a client. */
  readonly cert: string;
  /** Its private key. */
  readonly key: string;
}

/** What is in a certificate. */
export interface CertificateOptions {
  /**
   * Whom it stands for, as OpenSSL writes it: `DNS:example.com, IP:192.0.2.1`.
   *
   * @default {"DNS:localhost, IP:127.0.0.1, IP:::1"}
   */
  readonly names?: string;
  /**
   * When it is valid: now, until yesterday, or from tomorrow on.
   *
   * @default {"now"}
   */
  readonly validity?: "now" | "past" | "future";
  /**
   * Which side may show it.
   *
   * @default {"server"}
   */
  readonly side?: "server" | "client";
}

// The authority and the server need a certificate each: some clients refuse an authority's as a server's.
const CONFIG = `
[req]
distinguished_name = name
prompt = no
[name]
CN = bytehaul test
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[ca]
default_ca = issuing
[issuing]
database = index.txt
new_certs_dir = .
default_md = sha256
policy = any
rand_serial = yes
unique_subject = no
[any]
commonName = supplied
`;

/** A private authority made with the `openssl` program, whose files are in one directory. */
export class Authority {
  /** Path of its certificate. */
  readonly caCert: string;
  readonly #dir: string;
  readonly #name: string;

  private constructor(dir: string, name: string) {
    this.#dir = dir;
    this.#name = name;
    this.caCert = join(dir, `${name}.pem`);
  }

  /** Makes one whose files in `dir` begin with `name`. */
  static async make(dir: string, name: string): Promise<Authority> {
    const authority = new Authority(dir, name);
    await writeFile(join(dir, "openssl.cnf"), CONFIG);
    await writeFile(join(dir, "index.txt"), "");
    await authority.#makeKey(name);
    await authority.#openssl(
      ...["req", "-new", "-x509", "-config", "openssl.cnf", "-extensions", "authority", "-days", `${DAYS}`],
      ...["-subj", `/CN=bytehaul test ${name}`, "-key", `${name}.key`, "-out", `${name}.pem`],
    );
    return authority;
  }

  /** Makes a certificate whose files begin with `name`, valid since yesterday and until tomorrow by default. */
  async issue(name: string, options: CertificateOptions = {}): Promise<Certificate> {
    const { names = "DNS:localhost, IP:127.0.0.1, IP:::1", validity = "now", side = "server" } = options;
    const extensions = [
      "basicConstraints = critical, CA:FALSE",
      "keyUsage = critical, digitalSignature",
      `extendedKeyUsage = ${side}Auth`,
      `subjectAltName = ${names}`,
    ];
    await writeFile(join(this.#dir, `${name}.cnf`), `${extensions.join("\n")}\n`);
    await this.#makeKey(name);
    await this.#openssl(
      ...["req", "-new", "-config", "openssl.cnf", "-subj", `/CN=bytehaul test ${name}`],
      ...["-key", `${name}.key`, "-out", `${name}.csr`],
    );
    const start = Date.now() + START_DAYS[validity] * DAY_MS;
    await this.#openssl(
      ...["ca", "-batch", "-notext", "-config", "openssl.cnf", "-in", `${name}.csr`],
      ...["-cert", `${this.#name}.pem`, "-keyfile", `${this.#name}.key`],
      ...["-startdate", opensslTime(start), "-enddate", opensslTime(start + DAYS * DAY_MS)],
      ...["-extfile", `${name}.cnf`, "-out", `${name}.pem`],
    );
    const path = (suffix: string): string => join(this.#dir, `${name}.${suffix}`);
    return { caCert: this.caCert, cert: path("pem"), key: path("key") };
  }

  async #makeKey(name: string): Promise<void> {
    await this.#openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", `${name}.key`);
  }

  async #openssl(...words: string[]): Promise<void> {
    await run("openssl", words, { timeout: TIMEOUT_MS, cwd: this.#dir });
  }
}

/** As OpenSSL writes it: `20260131235959Z`. */
function opensslTime(wallMs: number): string {
  return new Date(wallMs).toISOString().replace(/\..*|[-:T]/g, "") + "Z";
}

/** Makes a private authority in `dir`, and a certificate of it for a server at `localhost`, 127.0.0.1 and ::1. */
export async function makeCertificate(dir: string): Promise<Certificate> {
  return await (await Authority.make(dir, "ca")).issue("server");
}

/** Makes a certificate in `dir` that is its own authority, for a server at `localhost` and 127.0.0.1. */
export async function makeSelfSigned(dir: string): Promise<Certificate> {
  const [key, cert] = [join(dir, "self.key"), join(dir, "self.pem")];
  await run("openssl", [
    ...[
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:prime256v1",
      "-nodes",
      "-days",
      `${DAYS}`,
    ],
    ...["-subj", "/CN=localhost", "-addext", "subjectAltName = DNS:localhost, IP:127.0.0.1"],
    ...["-keyout", key, "-out", cert],
  ], { timeout: TIMEOUT_MS });
  return { caCert: cert, cert, key };
}
