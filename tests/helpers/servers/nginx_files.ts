import { type NginxOptions, startNginx } from "./nginx.ts";
import { DirectoryServer } from "./real_server.ts";

/** Starts nginx, which must be installed, for files that tests put there. */
export function startNginxFiles(
  options: Omit<NginxOptions, "root" | "dir"> = {},
): Promise<DirectoryServer> {
  return DirectoryServer.start(async (dir, root) => {
    const nginx = await startNginx({ ...options, root, dir: dir.path });
    if (nginx === undefined) throw new Error("Cannot start nginx: it is not installed");
    return { daemon: nginx, url: nginx.origin };
  });
}
