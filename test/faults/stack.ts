// The system under fault: the real stack on free ports with a Postgres and a Redis of its own, every link through a proxy,
// every process with a clock that can be set.

import { mkdir, rm } from "node:fs/promises";
import { resolve } from "node:path";
import { createSql, type Sql } from "#shared/sql";
import { migrateAll, roleUrl } from "#stack/schemas";
import { httpUrlOf, startTopology, type ExtraSettings, type ProcessName } from "#stack/topology";
import type { Proxy } from "../support/proxy.ts";
import { installGates } from "./gate.ts";
import { startLinks, type LinkName, type Links } from "./links.ts";
import { createProcesses, type Processes } from "./processes.ts";
import { steerWebhooks } from "./provider.ts";
import { startServers, type Servers } from "./servers.ts";

/** One of each process, or two of each that there may be several of. */
export type Shape = "single" | "pairs";

/** A running stack. */
export type FaultStack = {
  shape: Shape;
  /** One for each gateway, behind its proxy. */
  gatewayUrls: string[];
  /** Past the proxies, wherever they listen now. */
  issuerUrl(): string;
  sandboxUrl(): string;
  /** The owner's pool, past all proxies. */
  sql: Sql;
  servers: Servers;
  processes: Processes;
  /** The proxies of a link, one for each copy of the callee. */
  proxiesOf(link: LinkName): Proxy[];
  stop(): Promise<void>;
};

const rolePassword = "boxoffice-faults";
const secret = "a secret of the fault harness, 32 or more";
const doubled: ProcessName[] = ["inventory", "payment", "reservation", "gateway"];

let stacks = 0;

/** Starts a stack on an empty database; `dist/` must be up to date. Leaves nothing running when that fails. */
export async function startFaultStack(shape: Shape): Promise<FaultStack> {
  const dir = resolve(`.data/test-faults-${process.pid}-${(stacks += 1)}`);
  const logsDir = resolve(".data/faults-logs");
  const stops: (() => Promise<unknown>)[] = [() => rm(dir, { recursive: true, force: true })];
  const stop = async () => {
    for (const each of stops.splice(0).reverse()) await each();
  };
  try {
    await mkdir(dir, { recursive: true });
    await mkdir(logsDir, { recursive: true });
    const servers = await startServers(dir);
    stops.push(servers.stop);
    await migrateAll(servers.postgresUrl, rolePassword);
    const sql = createSql({
      url: servers.postgresUrl,
      poolMax: 4,
      applicationName: "faults",
      statementTimeoutMs: 30_000,
    });
    stops.push(() => sql.end({ timeout: 1 }));
    await installGates(sql);

    const copies = shape === "pairs" ? 2 : 1;
    const links = await startLinks((callee) => (doubled.includes(callee as ProcessName) ? copies : 1));
    stops.push(links.close);
    links.pointTo("postgres", servers.postgresPort);
    links.pointTo("redis", servers.redisPort);

    const processes = createProcesses({ dir, logsDir, onReady: links.pointTo });
    stops.push(processes.stop);
    const { sandbox } = await startTopology({
      backing: {
        databaseUrlOf: (schema) => {
          const url = new URL(roleUrl(servers.postgresUrl, schema, rolePassword));
          url.host = links.target(`${schema}>postgres`);
          return url.href;
        },
        redisUrl: servers.redisUrl,
        sessionSecret: secret,
        ticketSecret: secret,
      },
      gatewayPort: 0,
      isBuilt: true,
      replicas: Object.fromEntries(doubled.map((name) => [name, copies])),
      settings: settingsWith(links),
      start: processes.start,
    });
    // It was told where the gateway listens; one that is started again has the link as a setting.
    await steerWebhooks(httpUrlOf(sandbox[0]!), { url: webhookUrlOf(links) });

    return {
      shape,
      gatewayUrls: links.of("client>gateway").map(({ port }) => `http://127.0.0.1:${port}`),
      issuerUrl: () => httpUrlOf(processes.get("issuer")),
      sandboxUrl: () => httpUrlOf(processes.get("sandbox")),
      sql,
      servers,
      processes,
      proxiesOf: links.of,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function webhookUrlOf({ of }: Links): string {
  return `http://127.0.0.1:${of("sandbox>gateway")[0]!.port}/webhooks/sandbox`;
}

// Every process is told the proxies instead of what is behind them.
function settingsWith(links: Links): ExtraSettings {
  const { target } = links;
  return {
    // A hold of a second lasts two at most, and a slow provider's answer comes after that: bookings whose seats are lost while
    // they are being paid can be had for the asking.
    sandbox: { SLOW_MS: "2500", WEBHOOK_URL: webhookUrlOf(links) },
    inventory: { HOLD_EXTENSION_MAX_MS: "0" },
    payment: { SANDBOX_URL: `http://${target("payment>sandbox")}` },
    reservation: {
      INVENTORY_TARGET: target("reservation>inventory"),
      PAYMENT_TARGET: target("reservation>payment"),
      REDIS_URL: `redis://${target("reservation>redis")}`,
      // Of a webhook's hint that was lost the booking hears by itself no later than this.
      ACTION_POLL_MS: "5000",
    },
    gateway: {
      RESERVATION_TARGET: target("gateway>reservation"),
      INVENTORY_TARGET: target("gateway>inventory"),
      PAYMENT_TARGET: target("gateway>payment"),
      REDIS_URL: `redis://${target("gateway>redis")}`,
      OIDC_JWKS_URL: `http://${target("gateway>issuer")}/jwks.json`,
      // So low that a gateway has to ask Redis for more all the time, so high that nobody is refused for long.
      LIMIT_WINDOW_SECONDS: "2",
      LIMIT_ADDRESS: "500",
    },
  };
}
