import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const TIMEOUT_MS = 20_000;

/** Paths of PEM files. */
export interface Certificate {
  /** The authority's certificate, which a client has to trust. */
  readonly caCert: string;
  /** The server's certificate, for `localhost`, 127.0.0.1 and ::1. */
  readonly cert: string;
  /** The server's private key. */
  readonly key: string;
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
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, IP:127.0.0.1, IP:::1
`;

/** Makes a private authority and a server certificate in `dir` with the `openssl` program, valid for two days. */
export async function makeCertificate(dir: string): Promise<Certificate> {
  const path = (name: string): string => join(dir, name);
  const openssl = (...words: string[]) => run("openssl", words, { timeout: TIMEOUT_MS, cwd: dir });
  const config = path("openssl.cnf");
  await writeFile(config, CONFIG);
  for (const owner of ["ca", "server"]) {
    await openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", `${owner}.key`);
  }
  await openssl(
    ...["req", "-new", "-x509", "-config", config, "-extensions", "authority", "-days", "2"],
    ...["-subj", "/CN=bytehaul test authority", "-key", "ca.key", "-out", "ca.pem"],
  );
  await openssl("req", "-new", "-config", config, "-key", "server.key", "-out", "server.csr");
  await openssl(
    ...["x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", "2"],
    ...["-days", "2", "-extfile", config, "-extensions", "server", "-out", "server.pem"],
  );
  return { caCert: path("ca.pem"), cert: path("server.pem"), key: path("server.key") };
}
