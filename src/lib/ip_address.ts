/** The bits of the IPv6 prefix under which IPv4 addresses are written (RFC 4291, section 2.5.5.2). */
const MAPPED_BITS = 96;

/**
 * The usual form of an IP address, or `undefined` for any other text. Brackets and zones are not accepted. An IPv4
 * address within IPv6 (`::ffff:192.0.2.1`) becomes the IPv4 address.
 */
export function parseIp(text: string): string | undefined {
  const bytes = parseIpBytes(text);
  return bytes && formatIp(bytes);
}

/** Whether an IP address is an IPv6 address. */
export function isIpv6(address: string): boolean {
  return address.includes(":");
}

/** Host and port as a URL has them (RFC 3986, section 3.2.2): `192.0.2.1:53`, `[2001:db8::1]:53`. */
export function joinHostPort(host: string, port: number): string {
  return isIpv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

/** A host without the brackets that an IPv6 address has in a URL. */
export function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, "$1");
}

/**
 * Whether an IP address lies in a network such as `10.0.0.0/8` or `fd00::/8`. `false` where either text does not
 * parse.
 */
export function isWithin(address: string, network: string): boolean {
  const [base = "", length = "", ...rest] = network.split("/");
  const wanted = parseIpBytes(base);
  const given = parseIpBytes(address);
  if (wanted === undefined || given === undefined || rest.length > 0 || !/^\d{1,3}$/.test(length)) {
    return false;
  }
  // The length of a mapped network counts bits of IPv6.
  const bits = Number(length) - (isIpv6(base) && wanted.length === 4 ? MAPPED_BITS : 0);
  if (given.length !== wanted.length || bits < 0 || bits > wanted.length * 8) return false;
  return wanted.every((byte, index) => {
    const differing = 0xff << (8 - Math.min(Math.max(bits - index * 8, 0), 8));
    return ((byte ^ given[index]!) & differing & 0xff) === 0;
  });
}

/** The text for the 4 or 16 bytes of an address. */
export function formatIp(bytes: Uint8Array): string {
  const ipv4 = unmap(bytes);
  if (ipv4.length === 4) return ipv4.join(".");
  const groups: string[] = [];
  for (let at = 0; at < 16; at += 2) groups.push((ipv4[at]! << 8 | ipv4[at + 1]!).toString(16));
  return normalizeIpv6(groups.join(":"))!;
}

/** The 4 or 16 bytes of an IP address, or `undefined` for any other text. */
export function parseIpBytes(text: string): Uint8Array | undefined {
  if (/^(?:\d{1,3}\.){3}\d{1,3}$/.test(text)) return parseIpv4(text);
  const groups = normalizeIpv6(text)?.split("::").map((part) => part === "" ? [] : part.split(":"));
  if (groups === undefined) return undefined;
  const [head = [], tail = []] = groups;
  const zeros = new Array<string>(8 - head.length - tail.length).fill("0");
  const bytes = [...head, ...zeros, ...tail].flatMap((group) => {
    const value = parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
  return unmap(Uint8Array.from(bytes));
}

/** Refuses a leading zero. Some programs read it as octal, so they would read another address. */
function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split(".");
  const isCertain = parts.every((part) => Number(part) <= 255 && (part === "0" || !part.startsWith("0")));
  return isCertain ? Uint8Array.from(parts, Number) : undefined;
}

/** The URL parser accepts every form of an IPv6 address and writes the form of RFC 5952. */
function normalizeIpv6(text: string): string | undefined {
  if (!/^[\da-f:.]{2,45}$/i.test(text)) return undefined;
  return URL.parse(`http://[${text}]`)?.hostname.slice(1, -1);
}

function unmap(bytes: Uint8Array): Uint8Array {
  const isMapped = bytes.length === 16 && bytes.subarray(0, 10).every((byte) => byte === 0) &&
    bytes[10] === 0xff && bytes[11] === 0xff;
  return isMapped ? bytes.subarray(12) : bytes;
}
