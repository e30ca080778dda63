// How many connections one address may have open, so that no client alone takes those that all share. What a proxy opens, it
// opens for many.

import type { Socket } from "node:net";
import type { ClientAddress, IsProxy } from "./client-address.ts";

/** Returns whether a new connection may stay, and counts it until it closes. */
export type ConnectionBound = (socket: Socket) => boolean;

/** Returns a bound of `perAddressMax` connections an address, IPv6 counted by /64. Proxies have none. */
export function createConnectionBound(options: {
  perAddressMax: number;
  clientAddress: ClientAddress;
  isProxy: IsProxy;
}): ConnectionBound {
  const { perAddressMax, clientAddress, isProxy } = options;
  const open = new Map<string, number>();
  return (socket) => {
    const { remoteAddress } = socket;
    // Its client is gone already.
    if (remoteAddress === undefined) return false;
    if (isProxy(remoteAddress)) return true;
    const address = clientAddress(remoteAddress, undefined);
    const count = open.get(address) ?? 0;
    if (count >= perAddressMax) return false;
    open.set(address, count + 1);
    socket.once("close", () => {
      const left = open.get(address)! - 1;
      if (left === 0) open.delete(address);
      else open.set(address, left);
    });
    return true;
  };
}
