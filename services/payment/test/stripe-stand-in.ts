// A stand-in for Stripe at the network's border: answers in Stripe's shapes, keeps the first answer to a key as
// Stripe does, faults included, and records what it was asked. The payment method says how a payment goes:
//   pm_ok            authorised
//   pm_declined      402 insufficient_funds
//   pm_missing       400 resource_missing
//   pm_3ds           requires_action; `act` finishes it

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

type Json = Record<string, unknown>;
type Intent = Json & { id: string; status: string; metadata: Json };
type Answer = { status: number; body: Json };
type Failure = { how: Answer | "hang" | "reset"; isActedOn: boolean };

// What Stripe says before it begins is no key's answer. https://docs.stripe.com/api/idempotent_requests
const unkept = [401, 403, 409, 429];

/** One request as it came. */
export type Asked = { route: string; key: string | undefined; form: Record<string, string>; authorization: string };

export type StripeStandIn = {
  url: string;
  asked: Asked[];
  intents: Map<string, Intent>;
  refunds: Map<string, Json & { status: string }>;
  disputes: Map<string, Json>;
  /**
   * Fails the next call of a route, before or after it is acted on: with an answer, which is kept as its key's first, or on the
   * network, which loses the call or the true answer and keeps the latter.
   */
  failNext(route: string, how: Answer | "hang" | "reset", when?: "before" | "after"): void;
  /** Does `work` while the next intent is being made, before it is answered; resolves with it. */
  whenMade(work: () => Promise<void>): Promise<void>;
  /** A day goes by. */
  forgetKeys(): void;
  /** What its balance transactions say that was kept, in the currency of settlement; null: there is none yet. */
  fee: { fee: number; currency: string } | null;
  /** What the next refunds become. */
  refundStatus: string;
  /** The customer proves who they are at the bank's page, or does not. */
  act(intentId: string, isProven: boolean): void;
  close(): Promise<void>;
};

export async function startStripeStandIn(): Promise<StripeStandIn> {
  const asked: Asked[] = [];
  const intents = new Map<string, Intent>();
  const refunds = new Map<string, Json & { status: string }>();
  const disputes = new Map<string, Json>();
  const answers = new Map<string, { form: string; answer: Answer }>();
  const failures: (Failure & { route: string })[] = [];
  let whenMade: (() => Promise<void>) | undefined;
  let count = 0;
  let url = "";

  function perform(route: string, form: Record<string, string>): Answer {
    const [, id = "", verb = "", query] = /^\w+ \/v1\/payment_intents\/(\w+)(?:\/(\w+))?(?:\?(.*))?$/.exec(route) ?? [];
    if (route === "POST /v1/payment_intents") return create(form);
    if (route === "POST /v1/refunds") return refund(form);
    if (route.startsWith("GET /v1/refunds?")) {
      const intentId = new URLSearchParams(route.split("?")[1]).get("payment_intent");
      const data = [...refunds.values()].filter((each) => each["payment_intent"] === intentId).toReversed();
      return { status: 200, body: { object: "list", data, has_more: false, url: "/v1/refunds" } };
    }
    const refunded = refunds.get(/^GET \/v1\/refunds\/(\w+)$/.exec(route)?.[1] ?? "");
    if (refunded) return { status: 200, body: refunded };
    const dispute = disputes.get(/^GET \/v1\/disputes\/(\w+)$/.exec(route)?.[1] ?? "");
    if (dispute) return { status: 200, body: dispute };
    const intent = intents.get(id);
    if (!intent) return errorOf(404, { code: "resource_missing", param: "intent" });
    switch (verb) {
      case "":
        return { status: 200, body: isFeeAsked(query) ? withFee(intent) : intent };
      case "confirm":
        return confirm(intent, form);
      case "capture":
        return step(intent, { from: ["requires_capture"], to: "succeeded" });
      case "cancel":
        return step(intent, {
          from: ["requires_payment_method", "requires_action", "requires_capture"],
          to: "canceled",
        });
      default:
        return errorOf(404, {});
    }
  }

  function create(form: Record<string, string>): Answer {
    if (Number(form["amount"]) < 50) return errorOf(400, { code: "amount_too_small", param: "amount" });
    const intent: Intent = {
      ...{ id: `pi_${(count += 1)}`, object: "payment_intent", status: "requires_payment_method" },
      ...{ amount: Number(form["amount"]), currency: form["currency"], capture_method: form["capture_method"] },
      amount_received: 0,
      metadata: { event_id: form["metadata[event_id]"], payment_id: form["metadata[payment_id]"] },
    };
    intents.set(intent.id, intent);
    return { status: 200, body: intent };
  }

  function confirm(intent: Intent, form: Record<string, string>): Answer {
    if (intent.status !== "requires_payment_method") return unexpected(intent);
    switch (form["payment_method"]) {
      case "pm_declined":
        intent["last_payment_error"] = { code: "card_declined", decline_code: "insufficient_funds" };
        return errorOf(402, {
          ...{ type: "card_error", code: "card_declined", decline_code: "insufficient_funds" },
          payment_intent: intent,
        });
      case "pm_missing":
        return errorOf(400, { code: "resource_missing", param: "payment_method" });
      case "pm_3ds":
        intent.status = "requires_action";
        intent["next_action"] = { type: "redirect_to_url", redirect_to_url: { url: `${url}/bank/${intent.id}` } };
        break;
      default:
        intent.status = "requires_capture";
    }
    return { status: 200, body: intent };
  }

  function step(intent: Intent, { from, to }: { from: string[]; to: string }): Answer {
    if (!from.includes(intent.status)) return unexpected(intent);
    intent.status = to;
    if (to === "succeeded") {
      intent["latest_charge"] = intent.id.replace("pi", "ch");
      intent["amount_received"] = intent["amount"];
    }
    return { status: 200, body: intent };
  }

  // Without being asked to, Stripe names other objects by their ids.
  function withFee(intent: Intent): Intent {
    const { fee } = standIn;
    const moved = fee && { id: intent.id.replace("pi", "txn"), object: "balance_transaction", ...fee };
    const charge = { id: intent["latest_charge"], object: "charge", balance_transaction: moved };
    return { ...intent, latest_charge: intent["latest_charge"] ? charge : null };
  }

  function refund(form: Record<string, string>): Answer {
    const intent = intents.get(form["payment_intent"]!);
    if (!intent) return errorOf(404, { code: "resource_missing", param: "payment_intent" });
    const given = [...refunds.values()].filter(
      (each) => each["payment_intent"] === intent.id && each.status !== "failed" && each.status !== "canceled",
    );
    const left = given.reduce((sum, { amount }) => sum - Number(amount), Number(intent["amount"]));
    if (intent.status !== "succeeded" || left === 0)
      return errorOf(400, { code: left === 0 ? "charge_already_refunded" : "charge_not_refundable" });
    if (Number(form["amount"]) > left) return errorOf(400, { param: "amount" });
    const metadata = { refund_id: form["metadata[refund_id]"], payment_id: form["metadata[payment_id]"] };
    const made = {
      ...{ id: `re_${(count += 1)}`, object: "refund", payment_intent: form["payment_intent"] },
      ...{ amount: Number(form["amount"]), metadata, status: standIn.refundStatus },
    };
    refunds.set(made.id, made);
    return { status: 200, body: made };
  }

  function answerTo(route: string, key: string | undefined, form: Record<string, string>, failure?: Failure): Answer {
    const fingerprint = `${route} ${JSON.stringify(form)}`;
    const known = key === undefined ? undefined : answers.get(key);
    if (known && known.form !== fingerprint) return errorOf(400, { type: "idempotency_error" });
    if (known) return known.answer;
    const done = failure?.isActedOn === false ? undefined : perform(route, form);
    // As it was: a repeat gets the first answer again, whatever it is.
    const answer = structuredClone(typeof failure?.how === "object" ? failure.how : done!);
    if (key !== undefined && !unkept.includes(answer.status)) answers.set(key, { form: fingerprint, answer });
    return answer;
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = Buffer.concat((await request.toArray()) as Buffer[]).toString();
    const form = Object.fromEntries(new URLSearchParams(body));
    const route = `${request.method} ${request.url}`;
    const key = request.headers["idempotency-key"] as string | undefined;
    asked.push({ route, key, form, authorization: String(request.headers.authorization) });
    const index = failures.findIndex((each) => each.route === route.replace(/(pi|re|dp)_\d+/, "*"));
    const failure = index < 0 ? undefined : failures.splice(index, 1)[0];
    const isLost = failure && typeof failure.how === "string" && !failure.isActedOn;
    const answer = isLost ? undefined : answerTo(route, key, form, failure);
    if (route === "POST /v1/payment_intents" && whenMade) {
      const work = whenMade;
      whenMade = undefined;
      await work();
    }
    if (failure?.how === "reset") return void request.socket.resetAndDestroy();
    if (failure?.how === "hang") return;
    const { status, body: sent } = answer!;
    response.writeHead(status, { "content-type": "application/json", "request-id": "req_1" }).end(JSON.stringify(sent));
  }

  const server = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const standIn: StripeStandIn = {
    url,
    asked,
    intents,
    refunds,
    disputes,
    fee: { fee: 88, currency: "eur" },
    refundStatus: "succeeded",
    failNext: (route, how, when = "before") => void failures.push({ route, how, isActedOn: when === "after" }),
    whenMade: (work) =>
      new Promise((resolve, reject) => {
        whenMade = () => work().then(resolve, reject);
      }),
    forgetKeys: () => answers.clear(),
    act(intentId, isProven) {
      const intent = intents.get(intentId)!;
      intent["next_action"] = null;
      intent.status = isProven ? "requires_capture" : "requires_payment_method";
      if (!isProven) intent["last_payment_error"] = { code: "payment_intent_authentication_failure" };
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
  return standIn;
}

/** An error in Stripe's shape. */
export function errorOf(status: number, error: Json): Answer {
  return { status, body: { error: { type: "invalid_request_error", message: "words of Stripe's", ...error } } };
}

function isFeeAsked(query: string | undefined): boolean {
  return [...new URLSearchParams(query).values()].includes("latest_charge.balance_transaction");
}

function unexpected(intent: Intent): Answer {
  return errorOf(400, { code: "payment_intent_unexpected_state", payment_intent: intent });
}
