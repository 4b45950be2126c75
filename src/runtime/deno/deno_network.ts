import { PermissionError } from "../../errors.ts";
import { isIpv6, joinHostPort } from "../../lib/ip_address.ts";
import type { Endpoint, Network } from "../runtime.ts";
import { sockets } from "../network/sockets.ts";
import { DenoConnection } from "./deno_connection.ts";
import { secure } from "./deno_tls.ts";

/** Without a permission, Deno throws outside of every promise, or raises a prompt on a terminal. */
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
    requireReach(joinHostPort(to.host, to.port)); // Deno's TLS wants the permission for the name
    return await secure(open, to, options);
  },

  async exchange(to, message, accepts, signal) {
    requireEndpoint({ address: isIpv6(to.address) ? "::" : "0.0.0.0", port: 0 });
    requireEndpoint(to);
    return await sockets.exchange(to, message, accepts, signal);
  },

  async lookup(host) {
    requireReach(host);
    return await sockets.lookup(host);
  },

  async isLocal(address) {
    requireEndpoint({ address, port: 0 });
    return await sockets.isLocal(address);
  },

  isUnrestricted: () => Deno.permissions.querySync({ name: "net" }).state === "granted",

  requireUnrestricted(url) {
    if (denoNetwork.isUnrestricted()) return requireHost(url);
    throw new PermissionError(
      `Cannot reach ${url.host} over a connection that bytehaul opens itself: Deno allows it only with --allow-net (without a host)`,
    );
  },
};

/** Throws unless Deno lets this program reach the host of a URL. */
export function requireHost({ hostname, port, protocol }: URL): void {
  // The port of a permission is never left out.
  const host = `${hostname}:${port || (protocol === "https:" ? 443 : 80)}`;
  if (mayReach(host)) return;
  const reason = `Deno forbids it; run it with --allow-net=${host}`;
  throw new PermissionError(`Cannot reach ${host}: ${reason}`, reason);
}

function requireEndpoint({ address, port }: Endpoint): void {
  requireReach(joinHostPort(address, port));
}

function requireReach(host: string): void {
  if (mayReach(host)) return;
  const reason = "Deno forbids it; run it with --allow-net";
  throw new PermissionError(`Cannot use ${host}: ${reason}`, reason);
}

function mayReach(host: string): boolean {
  try {
    return Deno.permissions.querySync({ name: "net", host }).state === "granted";
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    return denoNetwork.isUnrestricted(); // a permission cannot name it
  }
}
