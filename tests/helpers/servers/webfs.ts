import { findProgram, freePort, startDaemon } from "./daemon.ts";
import { DirectoryServer } from "./real_server.ts";

/** The program to run; `undefined` where webfs is not installed. */
export function findWebfs(): Promise<string | undefined> {
  return findProgram(["webfsd", "/usr/bin/webfsd"]);
}

/** Starts webfs, which must be installed. */
export function startWebfs(): Promise<DirectoryServer> {
  return DirectoryServer.start(async (_, root) => {
    const program = await findWebfs();
    if (program === undefined) throw new Error("Cannot start webfs: it is not installed");
    const port = await freePort();
    const daemon = await startDaemon(
      program,
      ["-F", "-4", "-i", "127.0.0.1", "-p", `${port}`, "-r", root],
      port,
    );
    return { daemon, url: `http://127.0.0.1:${port}` };
  });
}
