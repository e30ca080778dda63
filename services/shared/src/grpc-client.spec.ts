import assert from "node:assert/strict";
import { implement, startGrpcServer, type GrpcServer, type Handlers } from "./grpc-server.ts";
import { createLogger } from "./logger.ts";
import { Registry } from "./metrics.ts";
import { createGrpcClient, InventoryService } from "#stubs";
import { eventually } from "../../../test/support/edge.ts";
import { startProxy } from "../../../test/support/proxy.ts";

const eventId = "018f0000-0000-7000-8000-000000000001";

describe("grpc client", () => {
  const servers: GrpcServer[] = [];
  const answered = [0, 0];
  before(async () => {
    for (const index of answered.keys()) {
      const handlers = {
        getEvent: async () => {
          answered[index]! += 1;
          return {};
        },
      } as unknown as Handlers<typeof InventoryService>;
      servers.push(
        await startGrpcServer({
          host: "127.0.0.1",
          port: 0,
          implementations: [implement(InventoryService, handlers)],
          log: createLogger({ service: "test", level: "silent" }),
          metrics: new Registry(),
        }),
      );
    }
  });
  after(() => servers.forEach((server) => server.abort()));

  it("spreads its calls over the replicas it is given", async () => {
    const client = createGrpcClient(InventoryService, servers.map(({ port }) => `127.0.0.1:${port}`).join(","));
    await client.waitForReady(Date.now() + 10_000);
    // The second connection may stand a little later than the first: go on until both have answered.
    for (let calls = 0; calls < 1_000 && answered.includes(0); calls += 1) {
      await client.getEvent({ eventId }, { timeoutMs: 5_000 });
    }
    client.close();
    assert.ok(!answered.includes(0), `answered: ${answered.join(", ")}`);
  });

  it("leaves a connection that has gone silent, though its calls give up sooner than that shows", async () => {
    const proxy = await startProxy();
    proxy.pointTo(servers[0]!.port);
    const client = createGrpcClient(InventoryService, `127.0.0.1:${proxy.port}`);
    try {
      await client.getEvent({ eventId }, { timeoutMs: 5_000 });
      proxy.silence("down");
      await assert.rejects(client.getEvent({ eventId }, { timeoutMs: 200 }), /deadline/i);
      proxy.heal();
      await eventually("a call gets through", () =>
        client.getEvent({ eventId }, { timeoutMs: 200 }).catch(() => undefined),
      );
    } finally {
      client.close();
      await proxy.close();
    }
  });

  it("fails with UNAVAILABLE where nobody listens, and with CANCELED when its caller gives up first", async () => {
    const client = createGrpcClient(InventoryService, "127.0.0.1:1");
    await assert.rejects(client.getEvent({ eventId }, { timeoutMs: 5_000 }), /unavailable/i);
    await assert.rejects(client.getEvent({ eventId }, { timeoutMs: 5_000, signal: AbortSignal.abort() }), /cancel/i);
    await assert.rejects(client.waitForReady(Date.now() + 10), /before connecting|deadline/i);
    client.close();
  });
});
