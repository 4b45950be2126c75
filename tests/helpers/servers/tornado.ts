import { type Announced, startAnnounced } from "./announced.ts";
import { findPython } from "./installed_servers.ts";
import { putFile, type PutOptions, type RealServer } from "./real_server.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../temp.ts";

const SCRIPT = `
import sys, asyncio, tornado.httpserver, tornado.netutil, tornado.web
async def main(root):
    handler = (r"/(.*)", tornado.web.StaticFileHandler, {"path": root})
    sockets = tornado.netutil.bind_sockets(0, "127.0.0.1")
    tornado.httpserver.HTTPServer(tornado.web.Application([handler])).add_sockets(sockets)
    print("127.0.0.1:%d" % sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()
asyncio.run(main(sys.argv[1]))
`;

/** A running Tornado, which can be started anew: what it remembers of its files is gone then. */
export class TornadoServer implements RealServer {
  readonly #program: string;
  readonly #dir: TemporaryDirectory;
  #process: Announced;

  private constructor(program: string, dir: TemporaryDirectory, process: Announced) {
    this.#program = program;
    this.#dir = dir;
    this.#process = process;
  }

  /** Starts Tornado, which must be installed. */
  static async start(): Promise<TornadoServer> {
    const program = await findTornado();
    if (program === undefined) throw new Error("Cannot start Tornado: it is not installed");
    const dir = await temporaryDirectory();
    return new TornadoServer(program, dir, await listen(program, dir));
  }

  get url(): string {
    return this.#process.url;
  }

  put(name: string, seed: number, size: number, options?: PutOptions): Promise<void> {
    return putFile(this.#dir.join("www", name), seed, size, options);
  }

  /** Ends the process and starts another for the same files, on another port. */
  async restart(): Promise<void> {
    await this.#process.daemon.stop();
    this.#process = await listen(this.#program, this.#dir);
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

function listen(program: string, dir: TemporaryDirectory): Promise<Announced> {
  return startAnnounced(program, ["-c", SCRIPT, dir.join("www")], dir.join("output.log"));
}
