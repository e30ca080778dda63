// The address that limits count. Anybody can write an X-Forwarded-For header, so only trusted proxies are believed, each for
// the hop before it.

import { BlockList, isIP, isIPv6, SocketAddress } from "node:net";

/** Returns the client's address, as a key: IPv4 in full, IPv6 by its /64, which is what one customer of a provider has. */
export type ClientAddress = (peer: string | undefined, forwardedFor: string | string[] | undefined) => string;

/** Tells whether a peer is a proxy that is trusted to say whom it speaks for. */
export type IsProxy = (peer: string) => boolean;

/** Most hops that are believed. */
const hopsMax = 10;

/** Knows the proxies in these networks (`10.0.0.0/8`) or at these addresses. Throws on a malformed one. */
export function createIsProxy(trustedProxies: string[]): IsProxy {
  const trusted = new BlockList();
  for (const proxy of trustedProxies) {
    const [, address = "", prefix] = /^([^/]+)(?:\/(\d+))?$/.exec(proxy) ?? [];
    const family = isIPv6(address) ? "ipv6" : "ipv4";
    trusted.addSubnet(address, prefix === undefined ? (family === "ipv6" ? 128 : 32) : Number(prefix), family);
  }
  return (peer) => {
    const address = plain(peer);
    return trusted.check(address, isIPv6(address) ? "ipv6" : "ipv4");
  };
}

/** Believes the proxies that `createIsProxy` knows. Throws on a malformed one. */
export function createClientAddress(trustedProxies: string[]): ClientAddress {
  const isTrusted = createIsProxy(trustedProxies);
  return (peer = "", forwardedFor) => {
    let client = plain(peer);
    if (trustedProxies.length > 0 && forwardedFor !== undefined) {
      const hops = String(forwardedFor).split(",").slice(-hopsMax).reverse();
      for (const hop of hops) {
        const before = plain(hop.trim());
        if (isIP(client) === 0 || !isTrusted(client) || isIP(before) === 0) break;
        client = before;
      }
    }
    // The colon first: isIPv6 is a regular expression of some length.
    return client.includes(":") && isIPv6(client) ? network64(client) : client;
  };
}

// A socket that listens on both families shows IPv4 peers as ::ffff:192.0.2.1.
function plain(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}

function network64(address: string): string {
  const { address: canonical } = new SocketAddress({ address, family: "ipv6" });
  const [head = "", tail] = canonical.split("::");
  const groups = head === "" ? [] : head.split(":");
  if (tail !== undefined) {
    const rest = tail === "" ? [] : tail.split(":");
    while (groups.length + rest.length < 8) groups.push("0");
    groups.push(...rest);
  }
  return `${groups.slice(0, 4).join(":")}::/64`;
}
