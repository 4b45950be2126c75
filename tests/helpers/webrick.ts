import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { findProgram, freePort, startDaemon } from "./daemon.ts";
import { DirectoryServer } from "./real_server.ts";

const SCRIPT = `
root, port = ARGV
quiet = WEBrick::Log.new(File::NULL)
server = WEBrick::HTTPServer.new(BindAddress: "127.0.0.1", Port: port.to_i, DocumentRoot: root, Logger: quiet, AccessLog: [])
trap("TERM") { server.shutdown }
server.start
`;

/** The Ruby that has WEBrick; `undefined` where one of them is not installed. */
export async function findWebrick(): Promise<string | undefined> {
  const program = await findProgram(["ruby"]);
  if (program === undefined) return undefined;
  return await promisify(execFile)(program, ["-rwebrick", "-e", ""]).then(() => program, () => undefined);
}

/** Starts WEBrick, which must be installed. */
export function startWebrick(): Promise<DirectoryServer> {
  return DirectoryServer.start(async (_, root) => {
    const program = await findWebrick();
    if (program === undefined) throw new Error("Cannot start WEBrick: it is not installed");
    const port = await freePort();
    const daemon = await startDaemon(program, ["-rwebrick", "-e", SCRIPT, root, `${port}`], port);
    return { daemon, url: `http://127.0.0.1:${port}` };
  });
}
