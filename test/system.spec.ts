// What whole-system tests stand on: real processes that can be killed, restarted and multiplied.

import assert from "node:assert/strict";
import { guest, organiser, publishEvent, bestOf, untilKnown } from "./support/edge.ts";
import { startSystem, type System } from "./support/system.ts";

describe("a system of several replicas", function () {
  this.timeout(120_000);
  let system: System;
  before(async () => {
    system = await startSystem({ replicas: { inventory: 2, reservation: 2, gateway: 2 } });
  });
  after(() => system?.stop());

  it("runs every process that was asked for", () => {
    const replicated = ["gateway", "inventory", "reservation"].flatMap((name) => [name, `${name}-2`]);
    assert.deepEqual(system.names().sort(), [...replicated, "issuer", "payment", "sandbox"].sort());
    const ports = system.names().flatMap((name) => Object.values(system.portsOf(name)));
    assert.equal(new Set(ports).size, ports.length);
    assert.throws(() => system.portsOf("nobody"), /there is no process "nobody"/);
  });

  it("goes on selling while a replica of each service is gone, and after it has come back on its old ports", async () => {
    const eventId = await publishEvent(await organiser(system.gatewayUrl, system.issuerUrl));
    const otherGatewayUrl = `http://127.0.0.1:${system.portsOf("gateway-2").http}`;
    const buyer = await guest(otherGatewayUrl);
    const hold = () => {
      const wish = bestOf(eventId, 1);
      return untilKnown(() => buyer.reservations.createReservation(wish));
    };
    await hold();
    const ports = system.portsOf("inventory");
    await system.kill("inventory", "SIGKILL");
    await system.kill("reservation-2", "SIGTERM");
    assert.ok(!system.names().includes("inventory"));
    for (let holds = 0; holds < 10; holds += 1) await hold();
    await system.restart("inventory");
    await system.restart("reservation-2");
    await system.restart("gateway");
    assert.deepEqual(system.portsOf("inventory"), ports);
    await hold();
    const { areas } = await (await guest(system.gatewayUrl)).events.getAvailability({ eventId });
    assert.equal(areas[0]!.held, 12);
  });

  it("keeps the last lines of every process", () => {
    const lines = system.lastLines();
    for (const name of ["gateway", "inventory", "payment"]) {
      assert.ok(lines.some((line) => line.startsWith(`${name}: `) && line.includes("service.started")));
    }
  });
});
