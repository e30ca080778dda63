// The client of Stripe: PaymentIntents that are captured by hand. An authorisation is two calls, one that makes the intent and
// one that confirms it. The first needs no card, so a void can repeat it with the same key: it finds the intent of an
// authorisation whose answer was lost, or makes it first, and cancels it; an authorisation that arrives later finds it dead.

import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import StripeClient from "stripe";
import { assertNever } from "#shared/assert-never";
import type { NoticeResult, Provider, ProviderRequest, ProviderResult } from "./provider.ts";
import {
  isImpossibleAmount,
  resultOfAuthorization,
  resultOfCapture,
  resultOfError,
  resultOfRefund,
  resultOfVoid,
} from "./stripe-results.ts";
import { readStripeNotice } from "./stripe-notice.ts";

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

  async function authorize(request: Step<"authorize">, within: Within): Promise<ProviderResult> {
    const id = await makeIntent(request, within);
    if (id === undefined) return { kind: "declined", reason: "other" };
    const card = { payment_method: request.paymentMethodToken, return_url: options.returnUrl };
    return await stripe.paymentIntents
      .confirm(id, card, { ...within, idempotencyKey: request.idempotencyKey })
      .then(resultOfAuthorization)
      .catch((error: unknown) => resultOfError(error, resultOfAuthorization));
  }

  // The same for an authorisation and its void, and nothing of it is secret or lost: a repeat finds the intent. Returns its id,
  // undefined for an amount of which Stripe makes none, ever.
  async function makeIntent(request: Step<"authorize" | "void">, within: Within): Promise<string | undefined> {
    const { reference, eventId, amountMinor, currencyCode } = request;
    const making = stripe.paymentIntents.create(
      {
        amount: amountMinor,
        currency: currencyCode.toLowerCase(),
        capture_method: "manual",
        allowed_payment_method_types: ["card"],
        metadata: { event_id: eventId, payment_id: reference },
      },
      { ...within, idempotencyKey: `${reference}:create` },
    );
    return await making.then(
      ({ id }) => id,
      (error: unknown) => {
        if (isImpossibleAmount(error)) return undefined;
        throw error;
      },
    );
  }

  async function voidIntent(request: Step<"void">, within: Within): Promise<ProviderResult> {
    const id = request.authorizationRef ?? (await makeIntent(request, within));
    if (id === undefined) return { kind: "done", ref: "none" };
    return await stripe.paymentIntents
      .cancel(id, {}, { ...within, idempotencyKey: request.idempotencyKey })
      .then(resultOfVoid)
      .catch((error: unknown) => resultOfError(error, resultOfVoid));
  }

  // Stripe forgets a key after a day, so a refund is looked for before it is made: it carries its id.
  async function refund(request: Step<"refund">, within: Within): Promise<ProviderResult> {
    const { reference, eventId, refundId, captureRef, amountMinor, idempotencyKey } = request;
    // Newest first; since a payment has one running refund at a time, what there is of this one is on the first page.
    const { data } = await stripe.refunds.list({ payment_intent: captureRef, limit: 100 }, within);
    const mine = data.filter(({ metadata }) => metadata?.["refund_id"] === refundId);
    const live = mine.find(({ status }) => status !== "failed" && status !== "canceled");
    if (live) return resultOfRefund(live);
    const made = await stripe.refunds.create(
      {
        payment_intent: captureRef,
        amount: amountMinor,
        metadata: { event_id: eventId, payment_id: reference, refund_id: refundId },
      },
      { ...within, idempotencyKey },
    );
    // A repeated key gets the first answer again, whatever has become of the refund since.
    return resultOfRefund(mine.find(({ id }) => id === made.id) ?? made);
  }

  async function perform(request: ProviderRequest, within: Within): Promise<ProviderResult> {
    switch (request.kind) {
      case "authorize":
        return await authorize(request, within);
      case "lookup":
        return resultOfAuthorization(await stripe.paymentIntents.retrieve(request.authorizationRef, {}, within));
      case "capture":
        return await stripe.paymentIntents
          .capture(request.authorizationRef, {}, { ...within, idempotencyKey: request.idempotencyKey })
          .then(resultOfCapture)
          .catch((error: unknown) => resultOfError(error, resultOfCapture));
      case "void":
        return await voidIntent(request, within);
      case "refund":
        return await refund(request, within);
      default:
        return assertNever(request);
    }
  }

  return {
    name: "stripe",
    send: (request, timeoutMs) =>
      orTimeout(
        // What fails before the step itself says nothing of the step.
        perform(request, { timeout: timeoutMs }).catch((error: unknown) => resultOfError(error, unclear)),
        timeoutMs,
      ),
    readNotice: (message, timeoutMs): Promise<NoticeResult> =>
      orTimeout(
        readStripeNotice(message, {
          stripe,
          secret: options.webhookSecret,
          timeoutMs,
          nowMs: options.now(),
        }),
        timeoutMs,
      ),
    close: async () => agent.destroy(),
  };
}

const timedOut = { kind: "unknown" as const, cause: "timeout" };

function unclear(): ProviderResult {
  return { kind: "unknown", cause: "intent_moved" };
}

// The library's own timeout begins again with every byte that arrives, and with every call of a step.
async function orTimeout<T>(work: Promise<T>, timeoutMs: number): Promise<T | typeof timedOut> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<typeof timedOut>((resolve) => {
    timer = setTimeout(() => resolve(timedOut), timeoutMs);
  });
  return await Promise.race([work, late]).finally(() => clearTimeout(timer));
}
