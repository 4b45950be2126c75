import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { startAnnounced } from "./announced.ts";
import { findProgram } from "./daemon.ts";
import { DirectoryServer } from "./real_server.ts";

const SCRIPT = `
root = ARGV.first
quiet = WEBrick::Log.new(File::NULL)
server = WEBrick::HTTPServer.new(BindAddress: "127.0.0.1", Port: 0, DocumentRoot: root, Logger: quiet, AccessLog: [])
trap("TERM") { server.shutdown }
STDERR.puts "127.0.0.1:#{server.listeners.first.addr[1]}"
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
  return DirectoryServer.start(async (dir, root) => {
    const program = await findWebrick();
    if (program === undefined) throw new Error("Cannot start WEBrick: it is not installed");
    return await startAnnounced(program, ["-rwebrick", "-e", SCRIPT, root], dir.join("output.log"));
  });
}
