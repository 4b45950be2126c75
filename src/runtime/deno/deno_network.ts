import { DownloadError } from "../../errors.ts";
import { isIpv6, joinHostPort } from "../../lib/ip_address.ts";
import type { Endpoint, Network } from "../runtime.ts";
import { sockets } from "../sockets.ts";
import { DenoConnection } from "./deno_connection.ts";
import { secure } from "./deno_tls.ts";

/** The sockets throw outside of every promise, or ask on a terminal, where a permission is missing. */
export const denoNetwork: Network = {
  ...sockets,

  async connect(to, options) {
    requireEndpoint(to);
    const { localAddress, signal } = options;
    // Deno's own connections have no such setting.
    if (localAddress !== undefined) return await sockets.connect(to, options);
    return new DenoConnection(await Deno.connect({ hostname: to.address, port: to.port, signal }));
  },

  async secure(open, to, options) {
    denoNetwork.requireUnrestricted(to.host); // Deno's TLS wants the permission for the name
    return await secure(open, to, options);
  },

  async exchange(to, message, accepts, signal) {
    requireEndpoint({ address: isIpv6(to.address) ? "::" : "0.0.0.0", port: 0 });
    requireEndpoint(to);
    return await sockets.exchange(to, message, accepts, signal);
  },

  async isLocal(address) {
    requireEndpoint({ address, port: 0 });
    return await sockets.isLocal(address);
  },

  isUnrestricted: () => Deno.permissions.querySync({ name: "net" }).state === "granted",

  requireUnrestricted(host) {
    if (denoNetwork.isUnrestricted()) return;
    throw new DownloadError(
      "network",
      `Cannot reach ${host} in the way that was asked for: it takes connections of our own, which Deno allows with --allow-net (without a host)`,
    );
  },
};

function requireEndpoint({ address, port }: Endpoint): void {
  const host = joinHostPort(address, port);
  if (mayReach(host)) return;
  const reason = "Deno forbids it; run it with --allow-net";
  throw new DownloadError("network", `Cannot use ${host}: ${reason}`, { reason });
}

/** Whether Deno lets this program reach `host:port`; nobody is asked on a terminal. */
export function mayReach(host: string): boolean {
  try {
    return Deno.permissions.querySync({ name: "net", host }).state === "granted";
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    return denoNetwork.isUnrestricted(); // a permission cannot name it
  }
}
