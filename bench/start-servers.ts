// Servers that only measurements need, as processes of their own, compiled like everything that is measured.

import { freePort } from "#stack/ports";
import { startProcess, type RunningProcess } from "#stack/process";
import { findRedisServer, startRedis } from "#stack/redis";
import { httpUrlOf } from "#stack/topology";
import type { Bench } from "./bench.ts";
import type { LoadTarget } from "./run-load.ts";
import { generousLimits, sessionSecret } from "./system.ts";

/** Starts the bare `node:http` server of JSON. */
export async function startBareHttp(bench: Bench): Promise<LoadTarget> {
  const server = await startProcess({ name: "bare", entry: "bench/servers/bare-http.ts", isBuilt: true, env: {} });
  bench.stopAtEnd(() => server.stop());
  return targetOf(server, "bare");
}

/** Starts a gateway for each of `variants` (its settings), all in front of one reservation service that answers at once. */
export async function startGateways(bench: Bench, variants: Record<string, string>[]): Promise<LoadTarget[]> {
  const redis = await startRedis({ binary: await findRedisServer(bench.say), port: await freePort() });
  bench.stopAtEnd(redis.stop);
  const entry = "bench/servers/stand-in-reservation.ts";
  const standIn = await startProcess({ name: "stand-in", entry, isBuilt: true, env: {} });
  bench.stopAtEnd(() => standIn.stop());
  const backend = `127.0.0.1:${standIn.ports.grpc}`;
  const targets: LoadTarget[] = [];
  for (const variant of variants) {
    const gateway = await startProcess({
      name: "gateway",
      entry: "gateway/src/main.ts",
      isBuilt: true,
      env: {
        ...{ HOST: "127.0.0.1", PORT: "0", ADMIN_PORT: "0", NODE_ENV: "development", LOG_LEVEL: "warn" },
        ...{ INVENTORY_TARGET: backend, RESERVATION_TARGET: backend, PAYMENT_TARGET: backend },
        ...{ REDIS_URL: redis.url, SESSION_SECRET: sessionSecret },
        ...generousLimits,
        ...variant,
      },
    });
    bench.stopAtEnd(() => gateway.stop());
    targets.push(targetOf(gateway, "gateway"));
  }
  return targets;
}

function targetOf(server: RunningProcess, component: string): LoadTarget {
  return { gatewayUrls: [httpUrlOf(server)], pids: () => ({ [component]: [server.pid] }) };
}
