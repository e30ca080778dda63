import assert from "node:assert/strict";
import { createClientAddress } from "./client-address.ts";

describe("client address", () => {
  const direct = createClientAddress([]);
  const proxied = createClientAddress(["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"]);

  it("is the peer's, whatever the header says, while no proxy is trusted", () => {
    assert.equal(direct("203.0.113.9", "198.51.100.1"), "203.0.113.9");
  });

  it("is the same for a peer that an IPv6 socket shows as mapped", () => {
    assert.equal(direct("::ffff:203.0.113.9", undefined), "203.0.113.9");
  });

  it("is the network for IPv6, since one customer has a whole /64", () => {
    const same = ["2001:db9:1:2::1", "2001:db9:1:2:ffff::1", "2001:0db9:0001:0002:0:0:0:9"];
    for (const address of same) assert.equal(direct(address, undefined), "2001:db9:1:2::/64");
    assert.equal(direct("::1", undefined), "0:0:0:0::/64");
    assert.equal(direct("fe80::", undefined), "fe80:0:0:0::/64");
  });

  it("is the nearest one that no trusted proxy wrote", () => {
    assert.equal(proxied("10.1.1.1", "198.51.100.1, 203.0.113.9"), "203.0.113.9");
    assert.equal(proxied("10.1.1.1", "203.0.113.9, 10.2.2.2"), "203.0.113.9");
    assert.equal(proxied("10.1.1.1", ["203.0.113.9", "192.0.2.7"]), "203.0.113.9");
    assert.equal(proxied("2001:db8::1", "203.0.113.9"), "203.0.113.9");
  });

  it("is the peer's where the peer is not trusted", () => {
    assert.equal(proxied("203.0.113.5", "198.51.100.1"), "203.0.113.5");
  });

  it("is the last good one where the header is nonsense", () => {
    assert.equal(proxied("10.1.1.1", "unknown"), "10.1.1.1");
    assert.equal(proxied("10.1.1.1", "1.2.3.4, nonsense, 10.2.2.2"), "10.2.2.2");
    assert.equal(proxied("10.1.1.1", ""), "10.1.1.1");
    assert.equal(proxied(undefined, "1.2.3.4"), "");
  });

  it("looks at ten hops at most", () => {
    assert.equal(proxied("10.1.1.1", `203.0.113.9${", 10.2.2.2".repeat(100)}`), "10.2.2.2");
  });

  it("refuses a proxy that is no address", () => {
    assert.throws(() => createClientAddress(["proxy.example"]));
    for (const proxy of ["10.0.0.0/99", "10.0.0.0/", "10.0.0.0/ ", "10.0.0.0/8/8", "10.0.0.0/1e1"]) {
      assert.throws(() => createClientAddress([proxy]), proxy);
    }
  });
});
