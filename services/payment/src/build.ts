// Puts the payment service together.

import { fileURLToPath } from "node:url";
import { PaymentService } from "#stubs";
import { createBatcher, type Batcher } from "#shared/batcher";
import { implement } from "#shared/grpc-server";
import { createBatchMetrics, Gauge, type Registry } from "#shared/metrics";
import { isMigrated } from "#shared/migrate";
import type { ServiceContext, ServiceParts } from "#shared/service";
import { createSql, isContentError, type Sql } from "#shared/sql";
import { watchAlarms } from "./alarm-metrics.ts";
import { createAskProvider } from "./ask-provider.ts";
import { createBulkhead, type Bulkhead } from "./bulkhead.ts";
import type { PaymentConfig } from "./config.ts";
import { startDisputeAsker } from "./dispute-asker.ts";
import type { Payment } from "./domain/payment.ts";
import { startFeeLearner } from "./fee-learner.ts";
import { createFollowNotice } from "./follow-notice.ts";
import { createPayments } from "./payments.ts";
import { createRefunds } from "./refunds.ts";
import { indexLookupSettings } from "#shared/planner-settings";
import type { Provider } from "./providers/provider.ts";
import { createProviders } from "./providers/providers.ts";
import { createSandboxProvider } from "./providers/sandbox.ts";
import { createStripeProvider } from "./providers/stripe.ts";
import { startRepayer } from "./repayer.ts";
import { startResumer } from "./resumer.ts";
import { createHandlers } from "./rpc/handlers.ts";
import { startSealer } from "./sealer.ts";
import { createChainStore } from "./store-chain.ts";
import { createHistoryStore } from "./store-history.ts";
import { createInvariantStore } from "./store-invariants.ts";
import { createDisputeAskStore } from "./store-dispute-asks.ts";
import { createDisputeStore } from "./store-disputes.ts";
import { createFeeStore } from "./store-fees.ts";
import { createRefundStore } from "./store-refunds.ts";
import { createRefusalStore } from "./store-refusals.ts";
import { createRepaymentStore } from "./store-repayments.ts";
import { createSalesStore } from "./store-sales.ts";
import { createWebhookStore } from "./store-webhooks.ts";
import { createStore } from "./store.ts";
import { startWebhookCleaner } from "./webhook-cleaner.ts";
import { createWebhooks } from "./webhooks.ts";

const migrationsDir = fileURLToPath(new URL("../migrations", import.meta.url));
const reportPoolMax = 2;
/** Most reports and checks that wait for a connection. */
const reportsWaitingMax = 10;

/** Returns the service's parts, connected and with resumer, repayer and sealer running. */
export async function buildPayment(config: PaymentConfig, { log, metrics }: ServiceContext): Promise<ServiceParts> {
  const sql = createSql({
    url: config.DATABASE_URL,
    poolMax: config.DATABASE_POOL_MAX,
    applicationName: "boxoffice-payment",
    statementTimeoutMs: config.STATEMENT_TIMEOUT_MS,
    settings: indexLookupSettings,
  });
  // What reads whole tables has connections of its own: silence on them lasts longer before it counts as their loss, and the
  // planner may do what it must not do elsewhere.
  const reports = createSql({
    url: config.DATABASE_URL,
    poolMax: reportPoolMax,
    applicationName: "boxoffice-payment-reports",
    statementTimeoutMs: config.REPORT_TIMEOUT_MS,
  });
  const store = createStore(sql);
  const batching = { config, metrics: createBatchMetrics(metrics) };
  const creations = batched("payment_creations", store.create, batching);
  const moves = batched("payment_moves", store.move, batching);
  const bulkhead = createBulkhead({
    runningMax: config.PROVIDER_RUNNING_MAX,
    waitingMax: config.PROVIDER_WAITING_MAX,
    waitMsMax: config.PROVIDER_WAIT_MS,
  });
  watchBulkhead(bulkhead, metrics, {
    name: "boxoffice_payment_commands",
    help: "Commands on payments that run, and that wait for their turn.",
  });
  const reportTurns = createBulkhead({
    runningMax: reportPoolMax,
    waitingMax: reportsWaitingMax,
    waitMsMax: config.REPORT_TIMEOUT_MS,
  });
  watchBulkhead(reportTurns, metrics, {
    name: "boxoffice_payment_reports",
    help: "Reports and checks that are being read, and that wait for their turn.",
  });
  const askProvider = createAskProvider({
    triesMax: config.PROVIDER_TRIES_MAX,
    tryMsMax: config.PROVIDER_TRY_MS,
    pauseMsMax: config.PROVIDER_PAUSE_MS,
    random: Math.random,
    log,
    metrics,
  });
  const providers = createProviders(providersFrom(config), askProvider);
  const refused = createRefusalStore(sql);
  const disputes = createDisputeStore(sql);
  const asks = createDisputeAskStore(sql);
  const fees = createFeeStore(sql);
  const refundStore = createRefundStore(sql);
  const repayments = createRepaymentStore(sql);
  watchAlarms(metrics, { refusals: refused, refunds: refundStore, disputes, asks, fees });
  const asking = { askProvider: providers.ask, log };
  const refunds = createRefunds({ store: refundStore, refused, ...asking });
  const payments = createPayments({ creations, moves, refunds, refused, bulkhead, ...asking });
  const webhookStore = createWebhookStore(sql);
  const follow = createFollowNotice({ payments, store, disputes, repayments, log });
  const webhooks = createWebhooks({ providers, webhooks: webhookStore, follow, bulkhead, log, metrics });
  const resumer = startResumer({
    store,
    payments,
    log,
    untouchedMs: config.RESUME_AFTER_MS,
    intervalMs: config.RESUME_INTERVAL_MS,
    itemsMax: config.RESUME_ITEMS_MAX,
    patienceMs: config.PROVIDER_TRY_MS * 2,
  });
  const repayer = startRepayer({
    ...{ store: repayments, refunds, log },
    intervalMs: config.RESUME_INTERVAL_MS,
    itemsMax: config.RESUME_ITEMS_MAX,
    patienceMs: config.PROVIDER_TRY_MS * 2,
    // Longer than the patience above, so that nobody asks beside the replica that has it.
    claimMs: config.RESUME_AFTER_MS + config.PROVIDER_TRY_MS * 2,
  });
  const chain = createChainStore(sql, reports);
  const sealer = startSealer({
    chain,
    intervalMs: config.SEAL_INTERVAL_MS,
    itemsMax: config.SEAL_ITEMS_MAX,
    log,
  });

  const feeLearner = startFeeLearner({
    ...{ fees, providers, log },
    intervalMs: config.FEE_INTERVAL_MS,
    itemsMax: config.FEE_ITEMS_MAX,
    tryMsMax: config.PROVIDER_TRY_MS,
  });

  const disputeAsker = startDisputeAsker({
    ...{ asks, providers, follow, log },
    intervalMs: config.DISPUTE_INTERVAL_MS,
    itemsMax: config.DISPUTE_ITEMS_MAX,
    tryMsMax: config.PROVIDER_TRY_MS,
    patienceMs: config.PROVIDER_TRY_MS * 2,
  });

  const cleaner = startWebhookCleaner({ store: webhookStore, keptDays: config.WEBHOOKS_KEPT_DAYS, log });

  return {
    implementations: [
      implement(
        PaymentService,
        createHandlers({
          payments,
          store,
          chain,
          webhooks,
          invariants: createInvariantStore(reports),
          sales: createSalesStore(reports),
          histories: createHistoryStore(sql),
          reports: reportTurns,
          resumeAfterMs: config.RESUME_AFTER_MS,
          providerName: config.PROVIDER,
        }),
      ),
    ],
    // A provider that is down does not make the service unready: payments are still read, voided and waited for.
    notReadyBecause: () => notReadyBecause(sql),
    stopWorkers: async () => {
      const workers = [resumer, repayer, sealer, feeLearner, disputeAsker, cleaner];
      await Promise.all(workers.map((worker) => worker.stop()));
      await creations.close();
      await moves.close();
    },
    close: async () => {
      await providers.close();
      await Promise.all([sql.end({ timeout: 3 }), reports.end({ timeout: 3 })]);
    },
  };
}

function providersFrom(config: PaymentConfig): Provider[] {
  const how = { connectionsMax: config.PROVIDER_RUNNING_MAX, now: Date.now };
  const providers: Provider[] = [];
  const { SANDBOX_URL: url, SANDBOX_WEBHOOK_SECRET: sandboxSecret } = config;
  if (url) providers.push(createSandboxProvider({ ...how, url, webhookSecret: sandboxSecret }));
  const { STRIPE_SECRET_KEY: secretKey, STRIPE_WEBHOOK_SECRET: webhookSecret, STRIPE_RETURN_URL: returnUrl } = config;
  if (secretKey && webhookSecret && returnUrl) {
    const apiBase = config.STRIPE_API_BASE;
    providers.push(createStripeProvider({ ...how, secretKey, webhookSecret, returnUrl, apiBase }));
  }
  return providers;
}

type BatchContext = { config: PaymentConfig; metrics: ReturnType<typeof createBatchMetrics> };

function batched<Item>(
  name: string,
  run: (items: Item[]) => Promise<(Payment | undefined)[]>,
  { config, metrics }: BatchContext,
): Batcher<Item, Payment | undefined> {
  const batcher = createBatcher<Item, Payment | undefined>({
    run,
    itemsMax: config.BATCH_ITEMS_MAX,
    queueMax: config.BATCH_QUEUE_MAX,
    inFlightMax: config.BATCHES_IN_FLIGHT_MAX,
    isItemFault: isContentError,
    onBatch: metrics.onBatch(name),
  });
  metrics.watchQueue(name, batcher);
  return batcher;
}

function watchBulkhead(bulkhead: Bulkhead, metrics: Registry, about: { name: string; help: string }): void {
  new Gauge({
    ...about,
    labelNames: ["place"],
    registers: [metrics],
    collect() {
      this.set({ place: "running" }, bulkhead.running);
      this.set({ place: "waiting" }, bulkhead.waiting);
    },
  });
}

async function notReadyBecause(sql: Sql): Promise<string | undefined> {
  return (await isMigrated(sql, { schema: "payment", dir: migrationsDir }))
    ? undefined
    : "the schema payment lacks migrations";
}
