import { DownloadError } from "../../errors.ts";
import type { ProxyServer, ResolvedTls } from "../../options/resolved_options.ts";
import type { Connection, HostPort, Network, SecureOptions } from "../../runtime/runtime.ts";
import type { AddressSource, Dialer } from "./dialer.ts";
import { joinHostPort, parseIpBytes } from "../../lib/ip_address.ts";
import { proxyFailed, tryTunnel, type TunnelRefusal } from "../proxy/proxy_check.ts";
import { ProxyLogin } from "../proxy/proxy_login.ts";
import { openSocks, refuseTarget, type SocksRefusal } from "../proxy/socks.ts";
import { unlessAborted } from "../../lib/waiting.ts";

/** Opens connections to servers. */
export interface Route {
  /** Opens a connection to `host:port`, directly or through a proxy. */
  open(signal: AbortSignal, host: string, port: number): Promise<Connection>;
  /** For a proxy that forwards plain HTTP: how to reach it, and the login for it. */
  readonly forwarder?: {
    open(signal: AbortSignal, host: string, port: number): Promise<Connection>;
    readonly login: ProxyLogin;
  };
}

/** Largest number of answers to the challenges of a proxy for one connection. */
export const MAX_ANSWERS = 2;

/** Directly to the host. */
export function directRoute(dialer: Dialer): Route {
  return { open: (signal, host, port) => dialer.connect(host, port, signal) };
}

/** Through a SOCKS5 proxy. */
export function socksRoute(dialer: Dialer, resolver: AddressSource, proxy: ProxyServer): Route {
  const credentials = proxy.username === "" ? undefined : proxy;
  return {
    async open(signal, host, port) {
      const own = parseIpBytes(host) ?? (proxy.protocol === "socks5h" ? host : undefined);
      const targets = own === undefined ? await addresses(resolver, host, port, signal) : [own];
      let failure: DownloadError | undefined;
      for (const target of targets) {
        const unsayable = refuseTarget({ host: target, port });
        if (unsayable !== undefined) throw proxyFailed(proxy, unsayable.reason, unsayable.retryable);
        const connection = await reach(dialer, proxy, signal);
        let refusal: SocksRefusal | undefined;
        await guard(connection, proxy, signal, async () => {
          refusal = await openSocks(connection, { host: target, port }, credentials);
        });
        if (refusal === undefined) return connection;
        connection.close();
        failure = proxyFailed(proxy, refusal.reason, refusal.retryable);
        if (!refusal.isOfTarget) break;
      }
      throw failure!;
    },
  };
}

/** Through an HTTP proxy. The connection to the proxy itself may use TLS, which trusts `ca` as well. */
export function httpProxyRoute(
  dialer: Dialer,
  proxy: ProxyServer,
  network: Network,
  ca: SecureOptions["ca"],
): Route {
  const login = new ProxyLogin(proxy);
  const open = async (signal: AbortSignal): Promise<Connection> => {
    const connection = await reach(dialer, proxy, signal);
    if (proxy.protocol !== "https") return connection;
    try {
      return await secure(
        { connection, to: proxy, network, tls: { ca, identity: undefined, isVerified: true } },
        signal,
      );
    } catch (error) {
      if (!(error instanceof DownloadError)) throw error;
      throw proxyFailed(proxy, error.reason, error.retryable);
    }
  };
  return {
    async open(signal, host, port) {
      const authority = joinHostPort(host, port);
      for (let answers = 0;; answers++) {
        const connection = await open(signal);
        const authorization = login.fieldFor("CONNECT", authority);
        let refusal: TunnelRefusal | undefined;
        await guard(connection, proxy, signal, async () => {
          refusal = await tryTunnel(connection, proxy, authority, authorization);
        });
        if (refusal === undefined) {
          login.accept();
          return connection;
        }
        // Many proxies close the connection after a refusal.
        connection.close();
        const canAnswer = answers < MAX_ANSWERS && login.takeUp(refusal.challenges ?? null);
        if (!canAnswer) throw refusal.error;
      }
    },
    forwarder: { open, login },
  };
}

/** The same route, with TLS to the host. */
export function securedRoute(
  route: Route,
  network: Network,
  tls: ResolvedTls & Pick<SecureOptions, "protocol">,
): Route {
  const options: SecureOptions = { ...tls, isVerified: !tls.insecure };
  return {
    async open(signal, host, port) {
      const connection = await route.open(signal, host, port);
      return await secure({ connection, to: { host, port }, network, tls: options }, signal);
    },
  };
}

/** A connection to a host that is to be secured. */
interface Unsecured {
  readonly connection: Connection;
  readonly to: HostPort;
  readonly network: Network;
  readonly tls: SecureOptions;
}

async function secure(
  { connection, to, network, tls }: Unsecured,
  signal: AbortSignal,
): Promise<Connection> {
  try {
    return await unlessAborted(network.secure(connection, to, tls), signal);
  } catch (error) {
    connection.close();
    signal.throwIfAborted();
    if (error instanceof DownloadError) throw error;
    const reason = "TLS could not be set up";
    throw new DownloadError("tls", `Cannot reach ${joinHostPort(to.host, to.port)}: ${reason}`, {
      retryable: true,
      reason,
    });
  }
}

async function addresses(
  resolver: AddressSource,
  host: string,
  port: number,
  signal: AbortSignal,
): Promise<Uint8Array[]> {
  return (await resolver.resolve(host, port, signal)).map((address) => parseIpBytes(address)!);
}

async function reach(dialer: Dialer, proxy: ProxyServer, signal: AbortSignal): Promise<Connection> {
  try {
    return await dialer.connect(proxy.host, proxy.port, signal);
  } catch (error) {
    if (!(error instanceof DownloadError)) throw error;
    throw proxyFailed(proxy, error.reason, error.retryable);
  }
}

/** Runs an exchange on a connection. Closes the connection if the exchange fails or takes too long. */
async function guard(
  connection: Connection,
  proxy: ProxyServer,
  signal: AbortSignal,
  talk: () => Promise<void>,
): Promise<Connection> {
  try {
    await unlessAborted(talk(), signal);
    return connection;
  } catch (error) {
    connection.close();
    signal.throwIfAborted();
    throw error instanceof DownloadError ? error : proxyFailed(proxy, "it broke off the connection", true);
  }
}
