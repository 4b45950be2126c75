import { startAnnounced } from "./announced.ts";
import { findNpmPackage } from "./installed_servers.ts";
import { StoreServer } from "./store_server.ts";
import { temporaryDirectory } from "../temp.ts";

/** The package; `undefined` where it, or Node.js, is not installed. */
export function findS3rver(): Promise<string | undefined> {
  return findNpmPackage("s3rver");
}

/** Starts s3rver, an S3 store, which must be installed. */
export async function startS3rver(): Promise<StoreServer> {
  const path = await findS3rver();
  if (path === undefined) throw new Error("Cannot start s3rver: it is not installed");
  const dir = await temporaryDirectory();
  const words = [`${path}/bin/s3rver.js`, "-d", dir.path, "-a", "127.0.0.1", "-p", "0"];
  const { daemon, url } = await startAnnounced("node", words, dir.join("output.log"));
  const store = new StoreServer(`${url}/bucket`, {}, daemon, dir);
  await store.send("", new Uint8Array(), {});
  return store;
}
