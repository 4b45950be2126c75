import { freePort, startDaemon } from "./daemon.ts";
import { findPython } from "./installed_servers.ts";
import { StoreServer } from "./store_server.ts";
import { temporaryDirectory } from "./temp.ts";

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
  const port = await freePort();
  const words = ["-m", "moto.server", "-H", "127.0.0.1", "-p", `${port}`];
  const daemon = await startDaemon(program, words, port, dir.join("output.log"));
  const store = new StoreServer(`http://127.0.0.1:${port}/bucket`, PUBLIC, daemon, dir);
  await store.send("", new Uint8Array(), PUBLIC);
  return store;
}
