import { findProgram, freePort, startDaemon } from "./daemon.ts";
import { DirectoryServer } from "./real_server.ts";

/** The program to run; `undefined` where CivetWeb is not installed. */
export function findCivetweb(): Promise<string | undefined> {
  return findProgram(["civetweb", "/usr/bin/civetweb"]);
}

/** Starts CivetWeb, which must be installed. */
export function startCivetweb(): Promise<DirectoryServer> {
  return DirectoryServer.start(async (_, root) => {
    const program = await findCivetweb();
    if (program === undefined) throw new Error("Cannot start CivetWeb: it is not installed");
    const port = await freePort();
    const words = ["-listening_ports", `127.0.0.1:${port}`, "-document_root", root];
    return { daemon: await startDaemon(program, words, port), url: `http://127.0.0.1:${port}` };
  });
}
