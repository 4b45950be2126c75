import type { Buffer } from "node:buffer";
import { createHmac, randomBytes } from "node:crypto";
import { startAnnounced } from "./announced.ts";
import { findNpmPackage } from "./installed_servers.ts";
import { StoreServer } from "./store_server.ts";
import { temporaryDirectory } from "../temp.ts";

const ACCOUNT = "account";
const VERSION = "2021-12-02";

/** The package; `undefined` where it, or Node.js, is not installed. */
export function findAzurite(): Promise<string | undefined> {
  return findNpmPackage("azurite");
}

/** Starts Azurite, a store of blobs, which must be installed. */
export async function startAzurite(): Promise<StoreServer> {
  const path = await findAzurite();
  if (path === undefined) throw new Error("Cannot start Azurite: it is not installed");
  const dir = await temporaryDirectory();
  const key = randomBytes(64);
  const words = [
    ...[`${path}/dist/src/blob/main.js`, "--blobHost", "127.0.0.1", "--blobPort", "0", "--silent"],
    ...["--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"],
  ];
  const env = { AZURITE_ACCOUNTS: `${ACCOUNT}:${key.toString("base64")}` };
  const { daemon, url } = await startAnnounced("node", words, dir.join("output.log"), env);
  const store = new StoreServer(
    `${url}/${ACCOUNT}/files`,
    { "x-ms-blob-type": "BlockBlob" },
    daemon,
    dir,
    signWith(key),
  );
  await store.send("?restype=container", new Uint8Array(), { "x-ms-blob-public-access": "blob" });
  return store;
}

/** Signs requests as a storage account's "Shared Key" does. */
function signWith(
  key: Buffer,
): (url: URL, fields: Readonly<Record<string, string>>, length: number) => Record<string, string> {
  return (url, given, length) => {
    const fields: Record<string, string> = {
      ...given,
      "x-ms-date": new Date().toUTCString(),
      "x-ms-version": VERSION,
    };
    const own = Object.keys(fields).filter((name) => name.startsWith("x-ms-")).sort();
    const parameters = [...url.searchParams].sort(([a], [b]) => a < b ? -1 : 1);
    // Content-Encoding, -Language, -Length, -MD5, -Type; then Date, the conditions and Range.
    const standard = ["PUT", "", "", length || "", "", fields["content-type"] ?? "", "", "", "", "", "", ""];
    const text = [
      ...standard,
      ...own.map((name) => `${name}:${fields[name]}`),
      `/${ACCOUNT}${url.pathname}`,
      ...parameters.map(([name, value]) => `${name}:${value}`),
    ].join("\n");
    const signature = createHmac("sha256", key).update(text).digest("base64");
    return { ...fields, authorization: `SharedKey ${ACCOUNT}:${signature}` };
  };
}
