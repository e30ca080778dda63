// Which processes make up the system, what each is told, and the order in which they start. The one place that knows the
// settings of them all: `make up` and the whole-system tests both start what is written here.

import { randomBytes } from "node:crypto";
import type { ProcessSpec, RunningProcess } from "./process.ts";
import type { SchemaName } from "./schemas.ts";
import { StackError } from "./stack-error.ts";

/** What stands below the processes. */
export type Backing = {
  /** Connection string of a service's own role. */
  databaseUrlOf(schema: SchemaName): string;
  redisUrl: string;
  /** Signs session tokens; 32 characters or more. */
  sessionSecret: string;
  /** What the key that signs tickets is derived from; 32 characters or more. */
  ticketSecret: string;
};

/** The processes by name, in the order in which they start; they stop in the opposite order. */
export const processNames = ["sandbox", "issuer", "inventory", "payment", "reservation", "gateway"] as const;
export type ProcessName = (typeof processNames)[number];

/** Settings given to a process beside or instead of the usual ones. */
export type ExtraSettings = Partial<Record<ProcessName, Record<string, string>>>;

/** What to start. */
export type TopologyOptions = {
  backing: Backing;
  /** The gateway's public port; 0 takes a free one. */
  gatewayPort: number;
  /** How many of each; one where not given. Only the first gateway gets `gatewayPort`. */
  replicas?: Partial<Record<ProcessName, number>> | undefined;
  settings?: ExtraSettings | undefined;
  /** Runs what `make build` made, as production does. */
  isBuilt?: boolean | undefined;
  /** Options of Node itself for a process's replicas. */
  nodeOptions?: Partial<Record<ProcessName, string[]>> | undefined;
  /** Starts one process and returns when it is ready. */
  start(spec: ProcessSpec): Promise<RunningProcess>;
};

/** The running processes, by name. */
export type Topology = Record<ProcessName, RunningProcess[]>;

const audience = "boxoffice";
// The same at every start, whatever port the issuer gets: a customer's id is made of the issuer's name and the subject.
const issuerName = "http://issuer.boxoffice.localhost";

/** Starts every process after those that it calls. Replicas after the first are named `inventory-2`, `inventory-3`, …. */
export async function startTopology(options: TopologyOptions): Promise<Topology> {
  const { backing, gatewayPort, replicas = {}, settings = {}, isBuilt, nodeOptions = {}, start } = options;

  const startAll = (name: ProcessName, entry: string, env: Record<string, string>) =>
    Promise.all(
      Array.from({ length: replicas[name] ?? 1 }, (_, index) => {
        const port = name === "gateway" && index === 0 ? gatewayPort : 0;
        const base = { HOST: "127.0.0.1", PORT: String(port) };
        return start({
          name: index === 0 ? name : `${name}-${index + 1}`,
          entry,
          isBuilt,
          env: { ...base, ...env, ...settings[name] },
          nodeOptions: nodeOptions[name] ?? [],
        });
      }),
    );
  const service = (name: SchemaName, env: Record<string, string> = {}) =>
    startAll(name, `services/${name}/src/main.ts`, {
      ADMIN_PORT: "0",
      DATABASE_URL: backing.databaseUrlOf(name),
      ...env,
    });

  // The sandbox forgets everything when it stops, so that nobody needs this secret to outlive it.
  const webhookSecret = randomBytes(32).toString("base64url");
  const [sandbox, issuer, inventory] = await allStarted([
    startAll("sandbox", "services/payment/src/sandbox/main.ts", { WEBHOOK_SECRET: webhookSecret }),
    startAll("issuer", "gateway/src/dev-issuer/main.ts", { NODE_ENV: "development", OIDC_ISSUER: issuerName }),
    service("inventory"),
  ]);
  const payment = await service("payment", {
    NODE_ENV: "development",
    PROVIDER: "sandbox",
    SANDBOX_URL: httpUrlOf(sandbox[0]!),
    SANDBOX_WEBHOOK_SECRET: webhookSecret,
  });
  const reservation = await service("reservation", {
    INVENTORY_TARGET: targetOf(inventory),
    PAYMENT_TARGET: targetOf(payment),
    REDIS_URL: backing.redisUrl,
    TICKET_SECRET: backing.ticketSecret,
  });
  const gateway = await startAll("gateway", "gateway/src/main.ts", {
    ADMIN_PORT: "0",
    NODE_ENV: "development",
    CORS_ORIGINS: "*",
    INVENTORY_TARGET: targetOf(inventory),
    RESERVATION_TARGET: targetOf(reservation),
    PAYMENT_TARGET: targetOf(payment),
    REDIS_URL: backing.redisUrl,
    SESSION_SECRET: backing.sessionSecret,
    OIDC_ISSUER: issuerName,
    OIDC_AUDIENCE: audience,
    OIDC_JWKS_URL: `${httpUrlOf(issuer[0]!)}/jwks.json`,
  });
  await sendWebhooksTo(`${httpUrlOf(gateway[0]!)}/webhooks/sandbox`, sandbox);
  return { sandbox, issuer, inventory, payment, reservation, gateway };
}

// The gateway's port is known only once it runs, which is after the sandbox. A sandbox that is started again has it as a setting.
async function sendWebhooksTo(url: string, sandboxes: RunningProcess[]): Promise<void> {
  for (const sandbox of sandboxes) {
    sandbox.spec.env["WEBHOOK_URL"] = url;
    const response = await fetch(`${httpUrlOf(sandbox)}/v1/webhooks`, { method: "PUT", body: JSON.stringify({ url }) });
    if (!response.ok) throw new StackError(`${sandbox.name} takes no webhooks: ${response.status}`);
    await response.arrayBuffer();
  }
}

/** Returns the address of a process that serves HTTP. */
export function httpUrlOf(running: RunningProcess): string {
  return `http://127.0.0.1:${running.ports.http}`;
}

/** Returns the gRPC target that spreads calls over replicas. */
export function targetOf(replicas: RunningProcess[]): string {
  return replicas.map(({ ports }) => `127.0.0.1:${ports.grpc}`).join(",");
}

// When one start fails the others are waited for, so that whoever stops the system afterwards finds all of it.
async function allStarted<T extends Promise<RunningProcess[]>[]>(
  starts: [...T],
): Promise<{ [K in keyof T]: Awaited<T[K]> }> {
  const results = await Promise.allSettled(starts);
  for (const result of results) if (result.status === "rejected") throw result.reason;
  return results.map((result) => (result as PromiseFulfilledResult<RunningProcess[]>).value) as {
    [K in keyof T]: Awaited<T[K]>;
  };
}
