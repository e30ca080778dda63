// What a provider's webhook does. It is only a hint that a payment has moved: what it says is not believed, the provider is
// asked. So order does not matter, and a repeat changes nothing. It is remembered once it has been processed; whatever went
// wrong before that is answered so that the provider sends it again. Nobody is asked about a repeat, and never by more than
// the bulkhead lets in.

import type { Caller } from "#shared/batcher";
import { createLogThrottle, type LogThrottle } from "#shared/log-throttle";
import type { Logger } from "#shared/logger";
import { Counter, type Registry } from "#shared/metrics";
import type { Bulkhead } from "./bulkhead.ts";
import { disputeStatusNames, type Dispute } from "./domain/dispute.ts";
import { PaymentState, type Payment } from "./domain/payment.ts";
import type { Finished } from "./domain/settle.ts";
import type { Payments } from "./payments.ts";
import type { FailedRefund, Notice, NoticeFault } from "./providers/provider.ts";
import type { Providers } from "./providers/providers.ts";
import type { DisputeStore } from "./store-disputes.ts";
import type { RepaymentStore } from "./store-repayments.ts";
import type { Store } from "./store.ts";
import type { WebhookStore } from "./store-webhooks.ts";

/** A webhook as it came. */
export type Webhook = { provider: string; body: Uint8Array; signature: string };

/** What became of a webhook. `payment` is the one that it is about, as it stands, if it is one of ours. */
export type WebhookOutcome =
  | { kind: "accepted"; isRepeat: boolean; payment: Payment | undefined }
  | { kind: "unknownProvider" }
  | { kind: "refused"; why: NoticeFault }
  /** To be sent again. */
  | { kind: "notProcessed" | "overloaded" };

/** Handles webhooks. Throws for failed I/O; then it was not processed. */
export type HandleWebhook = (webhook: Webhook, caller: Caller) => Promise<WebhookOutcome>;

/** What `createWebhooks` needs. */
export type WebhooksContext = {
  providers: Pick<Providers, "get">;
  payments: Pick<Payments, "finish">;
  store: Pick<Store, "read">;
  webhooks: Pick<WebhookStore, "isKnown" | "remember">;
  disputes: Pick<DisputeStore, "record">;
  repayments: Pick<RepaymentStore, "noteFailed" | "wakePending">;
  bulkhead: Bulkhead;
  log: Logger;
  metrics: Registry;
};

// From AUTHORIZING over ACTION_REQUIRED to its end: a webhook can overtake the answer to the call that it tells of.
const roundsMax = 2;
// Each reason has its own, so that a flood of forged ones does not hide that a clock is wrong.
const refusedLogIntervalMs = 10_000;

/** Returns the function that handles webhooks. */
export function createWebhooks(context: WebhooksContext): HandleWebhook {
  const { providers, payments, store, webhooks, disputes, repayments, bulkhead, log, metrics } = context;
  const outcomes = new Counter({
    name: "boxoffice_payment_webhooks_total",
    help: "Webhooks by what became of them.",
    labelNames: ["outcome"],
    registers: [metrics],
  });

  async function handle({ provider: name, body, signature }: Webhook, caller: Caller): Promise<WebhookOutcome> {
    const provider = providers.get(name);
    if (!provider) return { kind: "unknownProvider" };
    const read = provider.readNotice({ body, signature });
    if (read.kind === "refused") return read;
    const key = { provider: name, noticeId: read.id };
    if (await webhooks.isKnown(key)) return { kind: "accepted", isRepeat: true, payment: undefined };
    const leave = await bulkhead.enter(caller.deadlineAtMs);
    if (!leave) return { kind: "overloaded" };
    try {
      const learned = await read.learn(Math.max(1, caller.deadlineAtMs - Date.now()));
      if (learned.kind === "unknown") return { kind: "notProcessed" };
      const outcome = await process(name, learned.notice, caller.deadlineAtMs);
      if (outcome.kind === "accepted") await webhooks.remember(key);
      return outcome;
    } finally {
      leave();
    }
  }

  async function process(provider: string, notice: Notice, deadlineAtMs: number): Promise<WebhookOutcome> {
    const { about, dispute, failedRefunds = [] } = notice;
    const [payment] = about ? await store.read([about]) : [];
    // Every payment of ours was written before the provider heard of it, so one that is not here is somebody else's; and no
    // provider has a say about another's.
    if (payment?.order?.provider !== provider) return { kind: "accepted", isRepeat: false, payment: undefined };
    const { payment: after, isAnswered } = await catchUp(payment, deadlineAtMs);
    // What is disputed was captured, and the capture is booked before what undoes it. From then on a refund that gets no answer
    // keeps nothing from being written.
    if (!isCaptured(after.state) && (dispute || !isAnswered)) return { kind: "notProcessed" };
    for (const failed of failedRefunds) await noteFailed(after, failed);
    // A repayment is no part of the payment's state; only what was paid back can be owed again.
    if (after.refundedMinor > 0) await repayments.wakePending(after);
    const isNews = dispute !== undefined && (await record(after, dispute));
    if (!isAnswered) return { kind: "notProcessed" };
    if (!isNews) return { kind: "accepted", isRepeat: false, payment: after };
    // A refund that waited for the dispute's end goes on; one that gets no answer is the resumer's.
    const { payment: last } = await catchUp(after, deadlineAtMs);
    return { kind: "accepted", isRepeat: false, payment: last };
  }

  async function record(payment: Payment, dispute: Dispute): Promise<boolean> {
    if (!(await disputes.record(payment, dispute))) return false;
    const { eventId, paymentId, order } = payment;
    const { ref, reason } = dispute;
    const status = disputeStatusNames[dispute.status];
    log.warn({
      event: "payment.disputed",
      eventId,
      paymentId,
      reservationId: order?.reservationId,
      ref,
      status,
      reason,
    });
    return true;
  }

  async function noteFailed({ eventId, paymentId }: Payment, { refundId, ref }: FailedRefund): Promise<void> {
    if (!(await repayments.noteFailed({ eventId, paymentId, refundId, ref }))) return;
    log.error({ event: "payment.refund_failed", eventId, paymentId, refundId });
  }

  async function catchUp(payment: Payment, deadlineAtMs: number): Promise<Finished> {
    let current: Finished = { payment, isAnswered: true };
    for (let round = 0; round < roundsMax && mayAsk(current.payment); round += 1) {
      const { state } = current.payment;
      current = await payments.finish(current.payment, deadlineAtMs);
      if (!current.isAnswered || current.payment.state === state) break;
    }
    return current;
  }

  const throttles = new Map<NoticeFault, LogThrottle>();
  function logRefused(provider: string, reason: NoticeFault): void {
    let throttle = throttles.get(reason);
    if (!throttle) throttles.set(reason, (throttle = createLogThrottle(refusedLogIntervalMs)));
    throttle((suppressed) => log.warn({ event: "payment.webhook_refused", provider, reason, suppressed }));
  }

  return async (webhook, caller) => {
    const outcome = await handle(webhook, caller);
    if (outcome.kind === "refused") logRefused(webhook.provider, outcome.why);
    outcomes.inc({ outcome: outcome.kind === "accepted" && outcome.isRepeat ? "repeated" : outcome.kind });
    return outcome;
  };
}

function isCaptured(state: PaymentState): boolean {
  return state === PaymentState.CAPTURED || state === PaymentState.REFUNDING || state === PaymentState.REFUNDED;
}

// A provider that refused for good is left alone for a while, also when it tells of that very refusal.
function mayAsk({ state, isRetryDue }: Payment): boolean {
  switch (state) {
    case PaymentState.AUTHORIZING:
    case PaymentState.ACTION_REQUIRED:
    case PaymentState.CAPTURING:
    case PaymentState.VOIDING:
    case PaymentState.REFUNDING:
      return isRetryDue;
    default:
      return false;
  }
}
