// The client of Stripe: PaymentIntents that are captured by hand. An authorisation is two calls, one that makes the intent and
// one that confirms it. The first needs no card and holds no money, so it may be made more than once; which of them is
// confirmed is written down before that, and never another one. So nothing is on hold where none is written down, and what is
// voided then never will be.

import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import StripeClient, { type Stripe } from "stripe";
import { assertNever } from "#shared/assert-never";
import type { DeclineReason } from "../domain/decline-reason.ts";
import type { DisputeResult, FeeResult, Provider, ProviderRequest, ProviderResult } from "./provider.ts";
import { faultOfAmount } from "./stripe-amounts.ts";
import { disputeAtStripe } from "./stripe-dispute.ts";
import { feeAtStripe } from "./stripe-fee.ts";
import { readStripeNotice } from "./stripe-notice.ts";
import { refundAtStripe } from "./stripe-refund.ts";
import {
  failureOf,
  resultOfAuthorization,
  resultOfCapture,
  resultOfFailure,
  resultOfVoid,
  type Failure,
} from "./stripe-results.ts";

/** How to reach Stripe. */
export type StripeProviderOptions = {
  /** Never logged. */
  secretKey: string;
  /** What Stripe signs webhooks to this endpoint with. Never logged. */
  webhookSecret: string;
  /** Base URL of the API. */
  apiBase: string;
  /** Where the buyer's browser comes back to from a bank's page. */
  returnUrl: string;
  /** Most connections. */
  connectionsMax: number;
  /** Milliseconds since the epoch. */
  now: () => number;
};

type Step<Kind extends ProviderRequest["kind"]> = ProviderRequest & { kind: Kind };
type Within = { timeout: number };
type Judge = (intent: Stripe.PaymentIntent, failure?: Failure) => ProviderResult | Promise<ProviderResult>;

/** Returns a client of Stripe. */
export function createStripeProvider(options: StripeProviderOptions): Provider {
  const { protocol, hostname, port } = new URL(options.apiBase);
  const isTls = protocol === "https:";
  const agentOptions = { keepAlive: true, maxSockets: options.connectionsMax };
  const agent = isTls ? new HttpsAgent(agentOptions) : new HttpAgent(agentOptions);
  const stripe = new StripeClient(options.secretKey, {
    host: hostname,
    port: port || (isTls ? 443 : 80),
    protocol: isTls ? "https" : "http",
    httpAgent: agent,
    // Tries are counted in one place, which is not here.
    maxNetworkRetries: 0,
    telemetry: false,
  });

  // The intent itself tells what an error leaves open. That a bank says no to a confirmation leaves nothing open.
  async function judged(
    call: Promise<Stripe.PaymentIntent>,
    { id, judge, within, isBankFinal }: { id: string; judge: Judge; within: Within; isBankFinal?: boolean },
  ): Promise<ProviderResult> {
    return await call.then(
      (intent) => judge(intent),
      async (error: unknown) => {
        const failure = failureOf(error);
        const isFinal = failure.kind === "refused" && failure.by === "bank" && isBankFinal;
        if (isFinal || failure.kind === "unanswered") return resultOfFailure(failure);
        return await judge(await stripe.paymentIntents.retrieve(id, {}, within), failure);
      },
    );
  }

  async function authorize(request: Step<"authorize">, within: Within): Promise<ProviderResult> {
    const { authorizationRef: id } = request;
    if (id === undefined) return await prepare(request, within);
    const card = { payment_method: request.paymentMethodToken, return_url: options.returnUrl };
    const call = stripe.paymentIntents.confirm(id, card, { ...within, idempotencyKey: request.idempotencyKey });
    return await judged(call, { id, judge: resultOfAuthorization, within, isBankFinal: true });
  }

  // A key finds the intent of a call whose answer was lost. A fault would be all that it brings for a day: then an intent is
  // made with another one, the library's own, and whatever stands behind the fault is never confirmed.
  async function prepare(request: Step<"authorize">, within: Within): Promise<ProviderResult> {
    const reason = faultOfAmount(request);
    if (reason) return { kind: "declined", reason };
    const first = await makeIntent(request, { ...within, idempotencyKey: creationKey(request) });
    const made = first.kind === "fault" ? await makeIntent(request, within) : first;
    return made.kind === "made" ? { kind: "prepared", ref: made.id } : resultOfFailure(made);
  }

  async function makeIntent(
    { reference, eventId, amountMinor, currencyCode }: Step<"authorize" | "void">,
    options: Within & { idempotencyKey?: string },
  ): Promise<{ kind: "made"; id: string } | Failure> {
    const making = stripe.paymentIntents.create(
      {
        amount: amountMinor,
        currency: currencyCode.toLowerCase(),
        capture_method: "manual",
        allowed_payment_method_types: ["card"],
        metadata: { event_id: eventId, payment_id: reference },
      },
      options,
    );
    return await making.then(({ id }) => ({ kind: "made", id }), failureOf);
  }

  // With a new key for each call, the library's own, as is a void: the intent's status lets each happen once, and a fault would
  // be all that a key of ours brings for a day.
  async function capture({ authorizationRef: id }: Step<"capture">, within: Within): Promise<ProviderResult> {
    const judge: Judge = async (intent, failure) =>
      failure?.kind === "refused" && intent.status === "requires_capture"
        ? await letGo(id, failure.reason, within)
        : resultOfCapture(intent);
    return await judged(stripe.paymentIntents.capture(id, {}, within), { id, judge, within });
  }

  // A refused capture leaves the customer's money on hold, and nobody asks about a declined payment any more.
  async function letGo(id: string, reason: DeclineReason, within: Within): Promise<ProviderResult> {
    const intent = await stripe.paymentIntents.cancel(id, {}, within);
    return intent.status === "canceled" ? { kind: "declined", reason } : resultOfCapture(intent);
  }

  async function voidIntent(request: Step<"void">, within: Within): Promise<ProviderResult> {
    const { authorizationRef: id } = request;
    if (id === undefined) return await voidUnwritten(request, within);
    return await judged(stripe.paymentIntents.cancel(id, {}, within), { id, judge: resultOfVoid, within });
  }

  // Nothing that is not written down is confirmed, not even by a call that is still on its way. The intent of an answer that was
  // lost is found by its key and canceled all the same: a build from before confirmed what it had not written down.
  async function voidUnwritten(request: Step<"void">, within: Within): Promise<ProviderResult> {
    if (faultOfAmount(request)) return nothingToVoid;
    const made = await makeIntent(request, { ...within, idempotencyKey: creationKey(request) });
    switch (made.kind) {
      case "made":
        return await voidIntent({ ...request, authorizationRef: made.id }, within);
      case "refused":
      case "fault":
        return nothingToVoid;
      case "unclear":
      case "unanswered":
        return resultOfFailure(made);
      default:
        return assertNever(made);
    }
  }

  async function perform(request: ProviderRequest, within: Within): Promise<ProviderResult> {
    switch (request.kind) {
      case "authorize":
        return await authorize(request, within);
      case "lookup":
        return resultOfAuthorization(await stripe.paymentIntents.retrieve(request.authorizationRef, {}, within));
      case "capture":
        return await capture(request, within);
      case "void":
        return await voidIntent(request, within);
      case "refund":
        return await refundAtStripe(stripe, request, within);
      default:
        return assertNever(request);
    }
  }

  return {
    name: "stripe",
    send: (request, timeoutMs) =>
      orTimeout(
        // What only looks and fails says nothing of what was looked for.
        perform(request, { timeout: timeoutMs }).catch((error: unknown) => unknown(failureOf(error).cause)),
        timeoutMs,
      ),
    readFee: ({ captureRef }, timeoutMs): Promise<FeeResult> =>
      orTimeout(
        feeAtStripe(stripe, captureRef, { timeout: timeoutMs }).catch((error: unknown) =>
          unknown(failureOf(error).cause),
        ),
        timeoutMs,
      ),
    readDispute: ({ ref }, timeoutMs): Promise<DisputeResult> =>
      orTimeout(
        disputeAtStripe(stripe, ref, { timeout: timeoutMs }).catch((error: unknown) => unknown(failureOf(error).cause)),
        timeoutMs,
      ),
    readNotice: (message) => {
      const read = readStripeNotice(message, { stripe, secret: options.webhookSecret, nowMs: options.now() });
      if (read.kind === "refused") return read;
      return { ...read, learn: (timeoutMs) => orTimeout(read.learn(timeoutMs), timeoutMs) };
    },
    close: async () => agent.destroy(),
  };
}

const nothingToVoid: ProviderResult = { kind: "done", ref: "none" };
const timedOut = { kind: "unknown" as const, cause: "timeout" };

function creationKey({ reference }: Step<"authorize" | "void">): string {
  return `${reference}:create`;
}

function unknown(cause: string) {
  return { kind: "unknown" as const, cause };
}

// The library's own timeout begins again with every byte that arrives, and with every call of a step.
async function orTimeout<T>(work: Promise<T>, timeoutMs: number): Promise<T | typeof timedOut> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<typeof timedOut>((resolve) => {
    timer = setTimeout(() => resolve(timedOut), timeoutMs);
  });
  return await Promise.race([work, late]).finally(() => clearTimeout(timer));
}
