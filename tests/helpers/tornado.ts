import { type Daemon, freePort, startDaemon } from "./daemon.ts";
import { findPython } from "./installed_servers.ts";
import { putFile, type PutOptions, type RealServer } from "./real_server.ts";
import { type TemporaryDirectory, temporaryDirectory } from "./temp.ts";

const SCRIPT = `
import sys, asyncio, tornado.web
async def main(root, port):
    handler = (r"/(.*)", tornado.web.StaticFileHandler, {"path": root})
    tornado.web.Application([handler]).listen(int(port), "127.0.0.1")
    await asyncio.Event().wait()
asyncio.run(main(*sys.argv[1:]))
`;

interface Listening {
  readonly daemon: Daemon;
  readonly url: string;
}

/** A running Tornado, which can be started anew: what it remembers of its files is gone then. */
export class TornadoServer implements RealServer {
  readonly #program: string;
  readonly #dir: TemporaryDirectory;
  #process: Listening;

  private constructor(program: string, dir: TemporaryDirectory, process: Listening) {
    this.#program = program;
    this.#dir = dir;
    this.#process = process;
  }

  /** Starts Tornado, which must be installed. */
  static async start(): Promise<TornadoServer> {
    const program = await findTornado();
    if (program === undefined) throw new Error("Cannot start Tornado: it is not installed");
    const dir = await temporaryDirectory();
    return new TornadoServer(program, dir, await listen(program, dir.path));
  }

  get url(): string {
    return this.#process.url;
  }

  put(name: string, seed: number, size: number, options?: PutOptions): Promise<void> {
    return putFile(this.#dir.join(name), seed, size, options);
  }

  /** Ends the process and starts another for the same files, on another port. */
  async restart(): Promise<void> {
    await this.#process.daemon.stop();
    this.#process = await listen(this.#program, this.#dir.path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.daemon.stop();
    await this.#dir[Symbol.asyncDispose]();
  }
}

/** The Python that has Tornado; `undefined` where it is not installed. */
export function findTornado(): Promise<string | undefined> {
  return findPython("tornado");
}

async function listen(program: string, root: string): Promise<Listening> {
  const port = await freePort();
  const daemon = await startDaemon(program, ["-c", SCRIPT, root, `${port}`], port);
  return { daemon, url: `http://127.0.0.1:${port}` };
}
