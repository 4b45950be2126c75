import { startAnnounced } from "./announced.ts";
import { findPython } from "./installed_servers.ts";
import { StoreServer } from "./store_server.ts";
import { temporaryDirectory } from "../temp.ts";

const PUBLIC = { "x-amz-acl": "public-read" };

/** The Python that has moto; `undefined` where it is not installed. */
export function findMoto(): Promise<string | undefined> {
  return findPython("moto");
}

/** Starts moto, an S3 store, which must be installed. */
export async function startMoto(): Promise<StoreServer> {
  const program = await findMoto();
  if (program === undefined) throw new Error("Cannot start moto: it is not installed");
  const dir = await temporaryDirectory();
  const words = ["-m", "moto.server", "-H", "127.0.0.1", "-p", "0"];
  const { daemon, url } = await startAnnounced(program, words, dir.join("output.log"));
  const store = new StoreServer(`${url}/bucket`, PUBLIC, daemon, dir);
  await store.send("", new Uint8Array(), PUBLIC);
  return store;
}
