// What the sandbox knows and does: authorisations, and counts of what really happened. Knows no HTTP.

import { failed, standingOf, succeeded, type Answer } from "./answer.ts";
import { createAuthorization, type Authorization, type DisputeStatus } from "./authorization.ts";
import { behaviourOf, type Operation } from "./behaviour.ts";
import { BoundedMap } from "./bounded-map.ts";
import { feeOf, type FeeRate } from "./fee.ts";
import { createFirstAnswers } from "./first-answers.ts";
import { failLatestRefund, isDisputed, leftOf, payBack, setDispute } from "./late-money.ts";
import type { NoticeType } from "./notices.ts";
import { createRef, parseRef } from "./ref.ts";

/** One thing to do. */
export type Action = { reference: string } & (
  | { operation: "authorize"; token: string; amount: number; currency: string; group: string | undefined }
  | { operation: "capture"; ref: string }
  /** Without an amount it is whatever is left. */
  | { operation: "refund"; ref: string; amount: number | undefined; refundId: string | undefined }
  | { operation: "void" }
);

/** How often each thing was really done, and how often an answer was given again. */
export type Stats = Record<"authorizations" | "declines" | "captures" | "voids" | "refunds" | "replays", number>;

/** The sandbox's memory. */
export type Book = {
  /** Acts once for each idempotency key; the same key with another action is refused with 422. */
  act(idempotencyKey: string, action: Action): Answer;
  /** Returns the authorisation that a ref or reference names; one that was forgotten comes back from its ref. */
  find(refOrReference: string): Authorization | undefined;
  /** Says how an authorisation stands, as an answer to a client. */
  look(refOrReference: string): Answer;
  /** Says what a capture, by its ref, cost, as an answer to a client. */
  tellFee(ref: string): Answer;
  /** The customer proves to be who they are, or not. Returns the authorisation; a repeat changes nothing. */
  prove(reference: string, isProven: boolean): Authorization | undefined;
  /**
   * The customer's bank takes captured money back, or decides; all of it, or an amount. Returns the authorisation, undefined
   * where nothing was captured.
   */
  dispute(reference: string, status: DisputeStatus, amount?: number): Authorization | undefined;
  /** The latest refund comes back: the customer's card is closed. Returns the authorisation, undefined where there is none. */
  failRefund(reference: string): Authorization | undefined;
  /** How many calls of this operation there have been, this one included. */
  countCall(operation: Operation, reference: string): number;
  readonly stats: Stats;
};

/** What `createBook` needs. */
export type BookOptions = {
  /** Most authorisations, and as many keys for each operation. */
  recordsMax: number;
  /** What it keeps of captures. */
  fee: FeeRate;
  /** Returns the page where the customer acts. */
  actionUrlOf: (reference: string) => string;
  /** Told of what webhooks tell. */
  notify: (type: NoticeType, authorization: Authorization) => void;
};

/** Returns an empty book. */
export function createBook({ recordsMax, fee: rate, actionUrlOf, notify }: BookOptions): Book {
  const authorizations = new BoundedMap<string, Authorization>(recordsMax);
  const answers = createFirstAnswers(recordsMax * 4);
  const calls = new BoundedMap<string, number>(recordsMax * 4);
  const stats: Stats = { authorizations: 0, declines: 0, captures: 0, voids: 0, refunds: 0, replays: 0 };

  // Refs say what they stand for, so a payment that was evicted, or authorised before a restart, can still be captured
  // or refunded: a development stack keeps its database longer than the sandbox keeps its memory.
  function find(refOrReference: string): Authorization | undefined {
    const parsed = parseRef(refOrReference);
    const known = authorizations.get(parsed?.reference ?? refOrReference);
    if (known || !parsed) return known;
    const status = statusOfRef[parsed.kind] ?? "authorized";
    return add({ ...parsed, group: undefined, status });
  }

  function add(about: Parameters<typeof createAuthorization>[0]): Authorization {
    const authorization = createAuthorization(about);
    authorizations.set(authorization.reference, authorization);
    return authorization;
  }

  function perform(action: Action): Answer {
    switch (action.operation) {
      case "authorize":
        return authorize(action);
      case "void":
        return voidOf(action.reference);
      case "capture":
        return capture(find(action.ref));
      case "refund":
        return refund(find(action.ref), action);
    }
  }

  function authorize(action: Action & { operation: "authorize" }): Answer {
    const known = authorizations.get(action.reference);
    if (known) return known.status === "voided" ? failed(402, "authorization_voided") : failed(409, "reference_in_use");
    const { reference, token, amount, currency, group } = action;
    const behaviour = behaviourOf(token);
    const code = behaviour ? behaviour.declines?.authorize : "invalid_token";
    const authorization = add({ reference, token, amount, currency, group, status: "requires_action" });
    if (code !== undefined) return decline(authorization, code);
    if (!behaviour?.needsAction) grant(authorization);
    if (behaviour?.notifies) notify(`authorization.${authorization.status as "authorized"}`, authorization);
    return standing(authorization);
  }

  function grant(authorization: Authorization): void {
    authorization.status = "authorized";
    authorization.done.authorize += 1;
    stats.authorizations += 1;
  }

  function decline(authorization: Authorization, code: string): Answer {
    authorization.status = "declined";
    authorization.declineCode = code;
    stats.declines += 1;
    return failed(402, code);
  }

  function standing(authorization: Authorization): Answer {
    return standingOf(authorization, actionUrlOf(authorization.reference));
  }

  function capture(authorization: Authorization | undefined): Answer {
    if (!authorization) return failed(404, "not_found");
    if (authorization.status !== "authorized") return failed(409, authorization.status);
    const refusal = refusalOf(authorization, "capture");
    if (refusal) return refusal;
    authorization.status = "captured";
    authorization.done.capture += 1;
    stats.captures += 1;
    const behaviour = behaviourOf(authorization.token);
    if (behaviour?.isDisputed) dispute(authorization.reference, "open");
    const { status, body } = succeeded(200, authorization, createRef("capture", authorization));
    return { status, body: behaviour?.tellsFeeLater ? body : { ...body, ...keptOf(authorization) } };
  }

  function keptOf({ amount, currency }: Authorization) {
    return { fee: { amount: feeOf(amount, rate), currency } };
  }

  // A reference that nobody has authorised yet is dead from now on: the authorisation may still be on its way.
  function voidOf(reference: string): Answer {
    const authorization =
      authorizations.get(reference) ??
      add({ reference, token: "", amount: 0, currency: "", group: undefined, status: "unknown" });
    if (authorization.status === "captured" || authorization.status === "refunded") {
      return failed(409, authorization.status);
    }
    if (authorization.status !== "voided") {
      const refusal = refusalOf(authorization, "void");
      if (refusal) return refusal;
      authorization.status = "voided";
      authorization.done.void += 1;
      stats.voids += 1;
    }
    return succeeded(200, authorization, createRef("void", authorization));
  }

  function refund(
    authorization: Authorization | undefined,
    { amount: asked, refundId }: Action & { operation: "refund" },
  ): Answer {
    if (!authorization) return failed(404, "not_found");
    const left = leftOf(authorization);
    const amount = asked ?? left;
    if (authorization.status !== "captured") return failed(409, authorization.status);
    if (amount > left) return failed(409, "amount_too_large");
    if (isDisputed(authorization, amount)) return failed(402, "charge_disputed");
    const refusal = refusalOf(authorization, "refund");
    if (refusal) return refusal;
    const ref = createRef("refund", authorization);
    payBack(authorization, { amount, refundId, ref });
    stats.refunds += 1;
    const answer = succeeded(200, authorization, ref);
    if (behaviourOf(authorization.token)?.failsFirstRefund && authorization.done.refund === 1) {
      failRefund(authorization.reference);
    }
    return answer;
  }

  function failRefund(reference: string): Authorization | undefined {
    const authorization = authorizations.get(reference);
    if (!authorization || !failLatestRefund(authorization)) return undefined;
    notify("refund.failed", authorization);
    return authorization;
  }

  // Counts what was refused once, so that a later try with another key goes through.
  function refusalOf({ reference, token }: Authorization, operation: Operation): Answer | undefined {
    const behaviour = behaviourOf(token);
    const seen = `refused ${operation} ${reference}`;
    const first = calls.has(seen) ? undefined : behaviour?.declinesFirst?.[operation];
    const code = behaviour?.declines?.[operation] ?? first;
    if (code === undefined) return undefined;
    calls.set(seen, 1);
    stats.declines += 1;
    return failed(402, code);
  }

  function dispute(reference: string, status: DisputeStatus, amount?: number): Authorization | undefined {
    const authorization = authorizations.get(reference);
    if (!authorization || !setDispute(authorization, status, amount)) return undefined;
    notify("dispute.changed", authorization);
    return authorization;
  }

  return {
    act(idempotencyKey, action) {
      const answer = answers.answer(idempotencyKey, action, () => perform(action));
      if (answer.replayed) stats.replays += 1;
      return labelled(action, answer);
    },
    find,
    tellFee(ref) {
      const authorization = parseRef(ref)?.kind === "capture" ? find(ref) : undefined;
      if (!authorization) return failed(404, "not_found");
      return { status: 200, body: { reference: authorization.reference, ...keptOf(authorization) } };
    },
    dispute,
    failRefund,
    look(refOrReference) {
      const authorization = find(refOrReference);
      if (!authorization) return failed(404, "not_found");
      const { status, body } = standing(authorization);
      return { status, body: { operation: "lookup", reference: authorization.reference, ...body } };
    },
    prove(reference, isProven) {
      const authorization = authorizations.get(reference);
      if (authorization?.status !== "requires_action") return authorization;
      if (isProven) grant(authorization);
      else decline(authorization, "authentication_required");
      notify(isProven ? "authorization.authorized" : "authorization.declined", authorization);
      return authorization;
    },
    countCall(operation, reference) {
      const key = `${operation} ${reference}`;
      const count = (calls.get(key) ?? 0) + 1;
      calls.set(key, count);
      return count;
    },
    stats,
  };
}

const statusOfRef: Partial<Record<string, Authorization["status"]>> = {
  capture: "captured",
  action: "requires_action",
};

// Every answer names what was asked, so that a client can tell it from an answer to something else.
function labelled({ operation, reference }: Action, answer: Answer): Answer {
  return { ...answer, body: { operation, reference, ...answer.body } };
}
