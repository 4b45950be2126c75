import { type FlagGroup, ofAll, toggle, valued } from "./flag.ts";
import { list, resolveEntry, text } from "./flag_values.ts";

/** How servers are reached. */
export const NETWORK_FLAGS: FlagGroup = {
  title: "Network",
  flags: [
    valued({
      name: "proxy",
      placeholder: "URL",
      option: "allProxy",
      help: "proxy for all URLs: http://, https://, socks5:// or socks5h://, optionally with user:password@",
      secret: true,
      value: text,
      set: (draft, value) => draft.inputs.proxies.allProxy = value,
    }),
    valued({
      name: "http-proxy",
      placeholder: "URL",
      option: "httpProxy",
      help: "proxy for http URLs",
      secret: true,
      value: text,
      set: (draft, value) => draft.inputs.proxies.httpProxy = value,
    }),
    valued({
      name: "https-proxy",
      placeholder: "URL",
      option: "httpsProxy",
      help: "proxy for https URLs",
      secret: true,
      value: text,
      set: (draft, value) => draft.inputs.proxies.httpsProxy = value,
    }),
    valued({
      name: "no-proxy",
      placeholder: "LIST",
      option: "noProxy",
      help:
        "hosts to reach without a proxy: names, addresses and address blocks, separated by commas; '*' is all",
      value: text,
      set: (draft, value) => {
        // "*" ignores all proxies of the environment, also one that is not valid.
        if (value === "*") draft.options.proxy = false;
        else draft.options.noProxy = value;
      },
    }),
    valued({
      name: "dns",
      placeholder: "ADDR,...",
      option: "dnsServers",
      help: "DNS servers to query instead of the system's, such as 1.1.1.1 or [2606:4700:4700::1111]:53",
      value: list,
      set: (draft, value) => draft.options.dnsServers = [...draft.options.dnsServers ?? [], ...value],
    }),
    valued({
      name: "doh",
      placeholder: "URL,...",
      option: "dohServers",
      help: "DNS servers to query over HTTPS, such as https://dns.google/dns-query",
      secret: true,
      value: list,
      set: (draft, value) => draft.options.dohServers = [...draft.options.dohServers ?? [], ...value],
    }),
    valued({
      name: "resolve",
      placeholder: "H:PORT:ADDR",
      option: "resolve",
      help:
        "connect to address ADDR for host H and PORT; several ADDR are separated by commas; H may be '*'; may be repeated",
      value: resolveEntry,
      set: (draft, [place, addresses]) =>
        draft.options.resolve = { ...draft.options.resolve, [place]: addresses },
    }),
    toggle({
      name: "no-ipv6",
      short: "4",
      option: "enableIpv6",
      help: "use IPv4 only",
      set: (draft) => draft.options.enableIpv6 = false,
    }),
    ofAll({
      name: "interface",
      placeholder: "ADDR",
      option: "localAddress",
      help: "IP address of this machine to connect from",
      value: text,
    }),
  ],
};

/** How servers and this machine identify themselves. */
export const TLS_FLAGS: FlagGroup = {
  title: "TLS",
  flags: [
    valued({
      name: "cacert",
      placeholder: "FILE",
      option: "tls.ca",
      help: "additional certificates of authorities to trust; PEM",
      value: text,
      set: (draft, value) => draft.inputs.ca = value,
    }),
    valued({
      name: "cert",
      placeholder: "FILE",
      option: "tls.cert",
      help: "certificate to show to the server of the URL if it requests one; PEM, with --key",
      value: text,
      set: (draft, value) => draft.inputs.cert = value,
    }),
    valued({
      name: "key",
      placeholder: "FILE",
      option: "tls.key",
      help: "private key of --cert; PEM, not encrypted",
      value: text,
      set: (draft, value) => draft.inputs.key = value,
    }),
    toggle({
      name: "insecure",
      option: "tls.insecure",
      help: "accept every certificate: anybody on the network path can read and change the files",
      set: (draft) => draft.inputs.insecure = true,
    }),
  ],
};
