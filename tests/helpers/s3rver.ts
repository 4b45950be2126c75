import { freePort, startDaemon } from "./daemon.ts";
import { findNpmPackage } from "./installed_servers.ts";
import { StoreServer } from "./store_server.ts";
import { temporaryDirectory } from "./temp.ts";

/** The package; `undefined` where it, or Node.js, is not installed. */
export function findS3rver(): Promise<string | undefined> {
  return findNpmPackage("s3rver");
}

/** Starts s3rver, an S3 store, which must be installed. */
export async function startS3rver(): Promise<StoreServer> {
  const path = await findS3rver();
  if (path === undefined) throw new Error("Cannot start s3rver: it is not installed");
  const dir = await temporaryDirectory();
  const port = await freePort();
  const words = [`${path}/bin/s3rver.js`, "-d", dir.path, "-a", "127.0.0.1", "-p", `${port}`, "--silent"];
  const daemon = await startDaemon("node", words, port);
  const store = new StoreServer(`http://127.0.0.1:${port}/bucket`, {}, daemon, dir);
  await store.send("", new Uint8Array(), {});
  return store;
}
