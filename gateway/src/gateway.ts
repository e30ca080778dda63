// Puts the gateway together.

import type { ProcessContext, ProcessParts } from "#shared/process";
import { createBackends } from "./backends.ts";
import type { GatewayConfig } from "./config.ts";
import { createEdgeMetrics } from "./edge-metrics.ts";
import { createClientAddress, createIsProxy } from "./http/client-address.ts";
import { createConnectionBound } from "./http/connection-bound.ts";
import { createConnectHandler } from "./http/connect-handler.ts";
import { createCors } from "./http/cors.ts";
import { startHttpServer, type HttpServer } from "./http/http-server.ts";
import { createWebhooks } from "./http/webhooks.ts";
import { createLimits } from "./limits/limits.ts";
import { createRedisLeases } from "./limits/redis-leases.ts";
import { createLogThrottle } from "#shared/log-throttle";
import { createAdmission } from "./overload/admission.ts";
import { watchOverload } from "./overload/overload-metrics.ts";
import { isTooLong } from "./overload/batch-queue.ts";
import { createSoldOutNotes } from "./overload/sold-out-notes.ts";
import { tickIntervalMs } from "./overload/wait-limit.ts";
import { policyOf } from "./policy.ts";
import { createRedis } from "./redis.ts";
import { createReservationBatcher } from "./reservation-batcher.ts";
import { createPipeline } from "./rpc/pipeline.ts";
import { createRoutes } from "./rpc/routes.ts";
import { createIdTokenVerifier, type IdTokenVerifier } from "./session/id-token.ts";
import { createSessionOpener } from "./session/session-opener.ts";
import { createSessionTokens } from "./session/session-token.ts";

/** Connects to the services and to Redis, and listens. */
export async function buildGateway(config: GatewayConfig, context: ProcessContext): Promise<ProcessParts> {
  const { log } = context;
  const backends = createBackends({
    inventory: config.INVENTORY_TARGET,
    reservation: config.RESERVATION_TARGET,
    payment: config.PAYMENT_TARGET,
  });
  const redis = createRedis(config.REDIS_URL, log);
  const admission = createAdmission({
    inFlightMin: config.IN_FLIGHT_MIN,
    inFlightMax: config.IN_FLIGHT_MAX,
    waitMs: config.QUEUE_WAIT_MS,
    isBatchQueueTooLong: (lagMs) =>
      isTooLong(batcher, {
        itemsMax: config.BATCH_ITEMS_MAX,
        inFlightMax: config.BATCH_IN_FLIGHT_MAX,
        waitMs: config.QUEUE_WAIT_MS,
        lagMs,
      }),
    nowMs: performance.now(),
  });
  const ticking = setInterval(() => admission.tick(performance.now()), tickIntervalMs);
  const notes = createSoldOutNotes(config.SOLD_OUT_NOTE_MS);
  watchOverload(context.metrics, { admission, notes });
  const batcher = createReservationBatcher({
    backends,
    metrics: context.metrics,
    itemsMax: config.BATCH_ITEMS_MAX,
    queueMax: config.BATCH_QUEUE_MAX,
    inFlightMax: config.BATCH_IN_FLIGHT_MAX,
    queue: admission.queues.reservations,
    notes,
  });
  const tokens = createSessionTokens(config.SESSION_SECRET, config.SESSION_SECRET_PREVIOUS);
  let server: HttpServer | undefined;
  const metrics = createEdgeMetrics(context.metrics, {
    inFlight: () => admission.inFlight,
    connections: () => server?.connections ?? 0,
    isRedisConnected: () => redis.status === "ready",
  });

  const leaseThrottle = createLogThrottle(5_000);
  const limits = createLimits({
    points: config.limitPoints,
    windowSeconds: config.LIMIT_WINDOW_SECONDS,
    leasesOf: (name) =>
      createRedisLeases({
        redis,
        prefix: `boxoffice:limit:${name}`,
        windowSeconds: config.LIMIT_WINDOW_SECONDS,
        onFailure: (error) => leaseThrottle((suppressed) => log.warn({ event: "limits.alone", error, suppressed })),
      }),
  });
  const routes = createRoutes({
    pipeline: createPipeline({ tokens, limits, admission, metrics, log, timeoutMaxMs: config.TIMEOUT_MAX_MS }),
    sessions: createSessionOpener({
      tokens,
      verifyIdToken: idTokenVerifierOf(config),
      ttlMs: config.SESSION_TTL_MINUTES * 60_000,
      roleTtlMs: config.ROLE_SESSION_TTL_MINUTES * 60_000,
    }),
    backends,
    batcher,
    notes,
  });
  const clientAddress = createClientAddress(config.TRUSTED_PROXIES);
  server = await startHttpServer({
    host: config.HOST,
    port: config.PORT,
    limits: {
      connectionsMax: config.CONNECTIONS_MAX,
      headersTimeoutMs: config.HEADERS_TIMEOUT_MS,
      requestTimeoutMs: config.REQUEST_TIMEOUT_MS,
      // To arrive, to be worked on, and to be taken.
      exchangeTimeoutMs: 2 * config.REQUEST_TIMEOUT_MS + config.TIMEOUT_MAX_MS,
      idleTimeoutMs: config.IDLE_TIMEOUT_MS,
      headersBytesMax: 16 * 1024,
      streamsMax: config.STREAMS_MAX,
    },
    listener: createConnectHandler({
      routes,
      policyOf,
      gateOf: admission.gateOf,
      cors: createCors(config.CORS_ORIGINS),
      webhooks: createWebhooks({ backends, clientAddress, limits, metrics, log }),
      clientAddress,
      limits,
      metrics,
      log,
      timeoutMaxMs: config.TIMEOUT_MAX_MS,
      bodiesBytesMax: config.BODIES_BYTES_MAX,
      isLean: config.LEAN_EDGE,
    }),
    mayStay: createConnectionBound({
      perAddressMax: config.CONNECTIONS_PER_ADDRESS_MAX,
      clientAddress,
      isProxy: createIsProxy(config.TRUSTED_PROXIES),
    }),
    onConnectionRefused: metrics.connectionRefused,
  });

  return {
    front: server,
    protocol: "http",
    notReadyBecause: backends.notReadyBecause,
    stopWorkers: () => {
      clearInterval(ticking);
      return batcher.close();
    },
    close: async () => {
      backends.close();
      redis.disconnect();
    },
  };
}

function idTokenVerifierOf(config: GatewayConfig): IdTokenVerifier | undefined {
  if (config.OIDC_ISSUER === "") return undefined;
  return createIdTokenVerifier({
    issuer: config.OIDC_ISSUER,
    audience: config.OIDC_AUDIENCE,
    jwksUrl: config.OIDC_JWKS_URL || `${config.OIDC_ISSUER.replace(/\/$/, "")}/jwks.json`,
    rolesClaim: config.OIDC_ROLES_CLAIM,
  });
}
