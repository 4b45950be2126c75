import { freePort, startDaemon } from "./daemon.ts";
import { findNpmPackage } from "./installed_servers.ts";
import { DirectoryServer } from "./real_server.ts";

const SCRIPT = `
const [hapi, inert, root, port, most] = process.argv.slice(1);
const server = require(hapi).server({ host: "127.0.0.1", port: Number(port) });
if (most !== "") server.listener.maxConnections = Number(most);
server.register(require(inert)).then(() => {
  server.route({ method: "GET", path: "/{name*}", handler: { directory: { path: root } } });
  return server.start();
});
`;

/** The package; `undefined` where it, or Node.js, is not installed. */
export async function findHapi(): Promise<string | undefined> {
  return await findNpmPackage("@hapi/inert") && await findNpmPackage("@hapi/hapi");
}

/** Starts hapi, which must be installed. It closes what connects beyond `maxConnections`; all are served without. */
export function startHapi(maxConnections?: number): Promise<DirectoryServer> {
  return DirectoryServer.start(async (_, root) => {
    const hapi = await findHapi();
    const inert = await findNpmPackage("@hapi/inert");
    if (hapi === undefined || inert === undefined) throw new Error("Cannot start hapi: it is not installed");
    const port = await freePort();
    const words = ["-e", SCRIPT, hapi, inert, root, `${port}`, `${maxConnections ?? ""}`];
    return { daemon: await startDaemon("node", words, port), url: `http://127.0.0.1:${port}` };
  });
}
