import { startAnnounced } from "./announced.ts";
import { findNpmPackage } from "./installed_servers.ts";
import { DirectoryServer } from "./real_server.ts";

const SCRIPT = `
const [hapi, inert, root, most] = process.argv.slice(1);
const server = require(hapi).server({ host: "127.0.0.1", port: 0 });
if (most !== "") server.listener.maxConnections = Number(most);
server.register(require(inert)).then(() => {
  server.route({ method: "GET", path: "/{name*}", handler: { directory: { path: root } } });
  return server.start();
}).then(() => console.log("127.0.0.1:" + server.info.port));
`;

/** The package; `undefined` where it, or Node.js, is not installed. */
export async function findHapi(): Promise<string | undefined> {
  return await findNpmPackage("@hapi/inert") && await findNpmPackage("@hapi/hapi");
}

/** Starts hapi, which must be installed. It closes what connects beyond `maxConnections`; all are served without. */
export function startHapi(maxConnections?: number): Promise<DirectoryServer> {
  return DirectoryServer.start(async (dir, root) => {
    const hapi = await findHapi();
    const inert = await findNpmPackage("@hapi/inert");
    if (hapi === undefined || inert === undefined) throw new Error("Cannot start hapi: it is not installed");
    const words = ["-e", SCRIPT, hapi, inert, root, `${maxConnections ?? ""}`];
    return await startAnnounced("node", words, dir.join("output.log"));
  });
}
