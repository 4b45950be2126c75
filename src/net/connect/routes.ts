import { DownloadError } from "../../errors.ts";
import type { ProxyServer, ResolvedTls } from "../../options/resolved_options.ts";
import type { Connection, HostPort, Network, SecureOptions } from "../../runtime/runtime.ts";
import type { AddressSource, Dialer } from "./dialer.ts";
import { joinHostPort, parseIpBytes } from "../../lib/ip_address.ts";
import { LoginRefusal, openTunnel, ProxyError, TargetRefusal } from "../proxy/proxy_check.ts";
import { ProxyLogin } from "../proxy/proxy_login.ts";
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

/** What the routes through proxies work with. */
export interface RouteParts {
  readonly dialer: Dialer;
  readonly resolver: AddressSource & {
    /** Whether the caller has fixed the addresses of a name. */
    isFixed(host: string, port: number): boolean;
  };
  readonly network: Network;
  /** Certificates to trust in addition to those of the runtime, in PEM. */
  readonly ca: readonly string[];
}

/** Directly to the host. */
export function directRoute(dialer: Dialer): Route {
  return { open: (signal, host, port) => dialer.connect(host, port, signal) };
}

/** Through a SOCKS5 proxy. */
export function socksRoute({ dialer, resolver }: RouteParts, proxy: ProxyServer): Route {
  return {
    async open(signal, host, port) {
      // Loaded here, because most runs use no SOCKS proxy.
      const { openSocks, requireExpressible } = await import("../proxy/socks.ts");
      const isName = parseIpBytes(host) === undefined;
      const isOurs = isName && (proxy.protocol === "socks5" || resolver.isFixed(host, port));
      const targets = isOurs ? await resolver.resolve(host, port, signal) : [host];
      return await openFirst(targets, async (target) => {
        const name = parseIpBytes(target) ?? target;
        requireExpressible(name, proxy);
        const connection = await reach(dialer, proxy, signal);
        return await guard(
          connection,
          proxy,
          signal,
          () => openSocks(connection, proxy, { host: name, port }),
        );
      });
    },
  };
}

/** Through an HTTP proxy. The connection to the proxy itself may use TLS, without a client certificate. */
export function httpProxyRoute({ dialer, resolver, network, ca }: RouteParts, proxy: ProxyServer): Route {
  const login = new ProxyLogin(proxy);
  const open = async (signal: AbortSignal): Promise<Connection> => {
    if (proxy.protocol !== "https") return await reach(dialer, proxy, signal);
    const dial = () => dialer.connect(proxy.host, proxy.port, signal);
    const tls = { ca, identity: undefined, isVerified: true };
    return await secure({ dial, to: proxy, network, tls }, signal).catch((error) => {
      throw ofProxy(error, proxy);
    });
  };
  const openTo = async (signal: AbortSignal, authority: string): Promise<Connection> => {
    for (let answers = 0;; answers++) {
      const connection = await open(signal);
      const authorization = login.fieldFor("CONNECT", authority);
      try {
        await guard(connection, proxy, signal, () => openTunnel(connection, proxy, authority, authorization));
        login.accept();
        return connection;
      } catch (error) {
        const canAnswer = error instanceof LoginRefusal && answers < MAX_ANSWERS &&
          login.takeUp(error.challenges);
        if (!canAnswer) throw error;
      }
    }
  };
  return {
    async open(signal, host, port) {
      const targets = resolver.isFixed(host, port) ? await resolver.resolve(host, port, signal) : [host];
      return await openFirst(targets, (target) => openTo(signal, joinHostPort(target, port)));
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
      const dial = () => route.open(signal, host, port);
      return await secure({ dial, to: { host, port }, network, tls: options }, signal);
    },
  };
}

/** Tries the targets in turn. The last one decides. */
async function openFirst(
  targets: readonly string[],
  open: (target: string) => Promise<Connection>,
): Promise<Connection> {
  for (const target of targets.slice(0, -1)) {
    try {
      return await open(target);
    } catch (error) {
      if (!(error instanceof TargetRefusal)) throw error;
    }
  }
  return await open(targets.at(-1)!);
}

/** A host to reach over TLS. */
interface Unsecured {
  readonly dial: () => Promise<Connection>;
  readonly to: HostPort;
  readonly network: Network;
  readonly tls: SecureOptions;
}

async function secure(
  { dial, to, network, tls }: Unsecured,
  signal: AbortSignal,
): Promise<Connection> {
  let connection: Connection | undefined;
  const open = async () => {
    connection = await dial();
    // Nobody else closes it where the abort came just before.
    if (signal.aborted) connection.close();
    return connection;
  };
  try {
    return await unlessAborted(network.secure(open, to, tls), signal);
  } catch (error) {
    connection?.close();
    signal.throwIfAborted();
    if (error instanceof DownloadError) throw error;
    const reason = "TLS could not be set up";
    throw new DownloadError("tls", `Cannot reach ${joinHostPort(to.host, to.port)}: ${reason}`, {
      retryable: true,
      reason,
    });
  }
}

async function reach(dialer: Dialer, proxy: ProxyServer, signal: AbortSignal): Promise<Connection> {
  return await dialer.connect(proxy.host, proxy.port, signal).catch((error) => {
    throw ofProxy(error, proxy);
  });
}

/** Names the proxy in an error about the connection to it. */
function ofProxy(error: unknown, proxy: ProxyServer): unknown {
  return error instanceof DownloadError ? new ProxyError(proxy, error.reason, error.retryable) : error;
}

/**
 * Runs an exchange with a proxy on a connection, and returns the connection. Closes it if the exchange fails or takes
 * too long: many proxies close it after a refusal.
 */
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
    if (error instanceof ProxyError) throw error;
    if (error instanceof DownloadError) throw ofProxy(error, proxy);
    throw new ProxyError(proxy, "it broke off the connection", true);
  }
}
