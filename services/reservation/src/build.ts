// Puts the service together from its settings.

import { fileURLToPath } from "node:url";
import { v4 as uuidv4 } from "uuid";
import { createGrpcClient, InventoryService, PaymentService, ReservationService, TicketService } from "#stubs";
import { createBatcher } from "#shared/batcher";
import { implement } from "#shared/grpc-server";
import { createBatchMetrics } from "#shared/metrics";
import { isMigrated } from "#shared/migrate";
import type { ServiceContext, ServiceParts } from "#shared/service";
import { createSql, isContentError } from "#shared/sql";
import { createBookingCreator } from "./booking-creator.ts";
import { cancelBooking } from "./cancellation.ts";
import { createCheckouts } from "./checkout.ts";
import type { ReservationConfig } from "./config.ts";
import type { Booking } from "./domain/booking.ts";
import { startExpirySweeper } from "./expiry-sweeper.ts";
import { checkInvariants as runInvariantChecks } from "./invariants.ts";
import { createEventTerms } from "./event-terms.ts";
import { createInventory } from "./inventory.ts";
import { startLeaseKeeper } from "./lease-keeper.ts";
import { startOutboxRelay } from "./outbox-relay.ts";
import { createPayments } from "./payments.ts";
import { startReconciler } from "./reconciler.ts";
import { refundBooking } from "./refunding.ts";
import { cancelReservation } from "./rpc/cancel-reservation.ts";
import { checkInvariants } from "./rpc/check-invariants.ts";
import { checkout } from "./rpc/checkout.ts";
import { createReservations } from "./rpc/create-reservations.ts";
import { explainReservations } from "./rpc/explain-reservations.ts";
import { getReservation } from "./rpc/get-reservation.ts";
import { listReservations } from "./rpc/list-reservations.ts";
import { refundReservation } from "./rpc/refund-reservation.ts";
import { resumeCheckout } from "./rpc/resume-checkout.ts";
import { createSagaRunner } from "./saga-runner.ts";
import { applyMoves, type Move } from "./store/apply-moves.ts";
import { readRunningRefund } from "./store/refunds.ts";
import { createTicketHandlers } from "./tickets/ticket-handlers.ts";
import { indexLookupSettings } from "#shared/planner-settings";

const migrationsDir = fileURLToPath(new URL("../migrations", import.meta.url));
const moveBounds = { itemsMax: 200, queueMax: 20_000, inFlightMax: 2 };

/** Returns the service's parts; its background work runs already. */
export async function buildReservation(
  config: ReservationConfig,
  { log, metrics }: ServiceContext,
): Promise<ServiceParts> {
  const sql = createSql({
    url: config.DATABASE_URL,
    poolMax: config.DATABASE_POOL_MAX,
    applicationName: "boxoffice-reservation",
    settings: indexLookupSettings,
  });
  const inventoryClient = createGrpcClient(InventoryService, config.INVENTORY_TARGET);
  const paymentClient = createGrpcClient(PaymentService, config.PAYMENT_TARGET);
  const batchMetrics = createBatchMetrics(metrics);
  const leaseMs = config.SAGA_LEASE_MS;
  const newId = () => uuidv4();

  const inventory = createInventory({
    client: inventoryClient,
    timeoutMs: config.INVENTORY_TIMEOUT_MS,
    metrics: batchMetrics,
  });
  const terms = createEventTerms({ client: inventoryClient, timeoutMs: config.INVENTORY_TIMEOUT_MS });
  const payments = createPayments({ client: paymentClient, timeoutMs: config.PAYMENT_TIMEOUT_MS });
  const moves = createBatcher<Move, Booking | undefined>({
    ...moveBounds,
    run: (items) => applyMoves(sql, items),
    isItemFault: isContentError,
    onBatch: batchMetrics.onBatch("move"),
  });
  batchMetrics.watchQueue("move", moves);
  const runner = createSagaRunner({
    inventory,
    payments,
    readRefund: (booking) => readRunningRefund(sql, booking),
    moves,
    newId,
    leaseMs,
    actionPollMs: config.ACTION_POLL_MS,
    sagasMax: config.SAGAS_MAX,
    now: Date.now,
    random: Math.random,
    log,
    metrics,
  });
  const creator = createBookingCreator({
    sql,
    inventory,
    metrics: batchMetrics,
    bounds: { itemsMax: config.BATCH_ITEMS_MAX, inFlightMax: config.BATCHES_IN_FLIGHT_MAX },
  });
  const checkouts = createCheckouts({
    sql,
    runner,
    newId,
    leaseMs,
    actionPollMs: config.ACTION_POLL_MS,
    metrics: batchMetrics,
  });

  const reconciler = startReconciler({
    sql,
    runner,
    intervalMs: config.RECONCILER_INTERVAL_MS,
    leaseMs,
    sagasMax: config.RECONCILER_SAGAS_MAX,
    log,
  });
  const leaseKeeper = startLeaseKeeper({ sql, runner, leaseMs, log });
  const sweeper = startExpirySweeper({ sql, intervalMs: config.SWEEPER_INTERVAL_MS, log });
  const relay = startOutboxRelay({
    sql,
    redisUrl: config.REDIS_URL,
    stream: config.EVENTS_STREAM,
    streamLengthMax: config.EVENTS_STREAM_LENGTH_MAX,
    intervalMs: config.RELAY_INTERVAL_MS,
    log,
    metrics,
  });

  return {
    implementations: [
      implement(ReservationService, {
        createReservations: createReservations({ creator, log }),
        getReservation: getReservation({ sql }),
        listReservations: listReservations({ sql }),
        cancelReservation: cancelReservation({
          cancel: (key, call) => cancelBooking(key, call, { sql, runner, moves, terms, newId, leaseMs }),
        }),
        refundReservation: refundReservation({
          refund: (request, { deadlineAtMs }) =>
            refundBooking(request, { kind: "organiser" }, { deadlineAtMs, sql, runner, leaseMs }),
        }),
        checkout: checkout({ checkouts }),
        resumeCheckout: resumeCheckout({ sql, runner, leaseMs, actionPollMs: config.ACTION_POLL_MS }),
        checkInvariants: checkInvariants({
          check: (eventId, call) => runInvariantChecks(eventId, call, { sql, inventory, payments }),
        }),
        explainReservations: explainReservations({ sql }),
      }),
      implement(TicketService, createTicketHandlers({ sql, secret: config.TICKET_SECRET })),
    ],
    // Inventory, payment and Redis do not count: without them reads, repeats and cancellations still work, and all
    // replicas would leave at once, which helps nobody.
    async notReadyBecause() {
      const migrated = await isMigrated(sql, { schema: "reservation", dir: migrationsDir });
      return migrated ? undefined : "the database has not been migrated";
    },
    async stopWorkers() {
      await Promise.all([reconciler.stop(), sweeper.stop(), relay.stop()]);
      await Promise.all([creator.close(), checkouts.close()]);
      await runner.stop();
      await leaseKeeper.stop();
      await Promise.all([moves.close(), inventory.close()]);
    },
    async close() {
      inventoryClient.close();
      paymentClient.close();
      await sql.end({ timeout: 4 });
    },
  };
}
